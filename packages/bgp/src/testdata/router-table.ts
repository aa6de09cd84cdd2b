import { type Frame, Framer } from "../framer.ts";
import { MAX_EXTENDED_OCTETS } from "../header.ts";
import { MESSAGE_TYPE } from "../iana.ts";
import { decodeNlri, type NlriField } from "../nlri.ts";
import type { PathAttributes } from "../path-attributes.ts";
import { formatPrefix } from "../prefix.ts";
import { decodeUpdate, isEndOfRib, type NextHop, type UpdateContext } from "../update.ts";

export interface RouterRoute {
  readonly attributes: PathAttributes;
  readonly reach: NextHop | undefined;
}

/** What a router makes of UPDATEs: a table, by prefix and path id. */
export class RouterTable {
  readonly routes = new Map<string, RouterRoute>();
  /** What happened to each prefix, in order: "+" announced, "-" withdrawn. */
  readonly story: string[] = [];
  /** Families whose table was said to be complete. */
  readonly ended: number[] = [];
  readonly #context: UpdateContext;
  readonly #framer = new Framer();
  constructor(context: UpdateContext) {
    this.#context = context;
    this.#framer.allow(MAX_EXTENDED_OCTETS);
  }

  /** @returns the whole messages that came with it. */
  take(bytes: Uint8Array): readonly Frame[] {
    this.#framer.push(bytes);
    const frames: Frame[] = [];
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      frames.push(frame);
      if (frame.type === MESSAGE_TYPE.update) this.#update(frame.body);
    }
    return frames;
  }

  #update(body: Uint8Array): void {
    const decoded = decodeUpdate(body, this.#context);
    if (decoded.errors.length > 0) throw new Error(`we sent ${JSON.stringify(decoded.errors)}`);
    const { update } = decoded;
    const { attributes, reach } = update;
    this.#withdraw(update.withdrawn);
    if (update.unreach !== undefined) this.#withdraw(update.unreach);
    this.#announce(update.announced, { attributes, reach: undefined });
    if (reach !== undefined) this.#announce(reach.nlri, { attributes, reach: reach.nextHop });
    const family = isEndOfRib(decoded);
    if (family !== undefined) this.ended.push(family);
  }

  #announce(field: NlriField, route: RouterRoute): void {
    for (const key of keysOf(field)) {
      this.routes.set(key, route);
      this.story.push(`+${key}`);
    }
  }

  #withdraw(field: NlriField): void {
    for (const key of keysOf(field)) {
      this.routes.delete(key);
      this.story.push(`-${key}`);
    }
  }
}

function keysOf(field: NlriField): readonly string[] {
  return decodeNlri(field).map(
    ({ prefix, pathId }) => formatPrefix(prefix) + (pathId === undefined ? "" : ` ${pathId}`),
  );
}
