import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "../conflict-messages.ts";
import { changeOctets, newsOverhead } from "./claim-codec.ts";
import type { Change, Claim, News, Standing } from "./claim-messages.ts";

/** Claims that were given up and are still told of, at least. Past that, and past those held, a new life begins. */
const GIVEN_UP_MAX = 4_096;

/** What this speaker claims, and the order in which it came to that: whoever missed a part can be told just that. */
export class OwnClaims {
  readonly #self: string;
  /** Oldest change first. Bounded by twice what is claimed, or by that and {@link GIVEN_UP_MAX}. */
  #changes = new Map<IpAddress, { readonly epoch: Epoch | undefined; readonly version: number }>();
  #givenUp = 0;
  #life: number;
  #version = 0;
  constructor(self: string, life: number) {
    this.#self = self;
    this.#life = life;
  }

  standing(): Standing {
    return { life: this.#life, version: this.#version };
  }

  epochOf(address: IpAddress): Epoch | undefined {
    return this.#changes.get(address)?.epoch;
  }

  claims(): readonly Claim[] {
    const claims: Claim[] = [];
    for (const [address, { epoch }] of this.#changes)
      if (epoch !== undefined) claims.push({ address, epoch });
    return claims;
  }

  /** Claims, or with `undefined` gives up. */
  set(address: IpAddress, epoch: Epoch | undefined): void {
    const before = this.#changes.get(address);
    if (before?.epoch === epoch) return;
    if (before !== undefined && before.epoch === undefined) this.#givenUp -= 1;
    if (epoch === undefined) this.#givenUp += 1;
    this.#version += 1;
    this.#changes.delete(address); // to the end
    this.#changes.set(address, { epoch, version: this.#version });
    const held = this.#changes.size - this.#givenUp;
    if (this.#givenUp > Math.max(GIVEN_UP_MAX, held)) this.beginLife(this.#life + 1);
  }

  /** What is claimed is listed anew; what was given up is forgotten by all who hear of the new life. */
  beginLife(life: number): void {
    const claims = this.claims();
    this.#life = life;
    this.#givenUp = 0;
    this.#version = claims.length;
    this.#changes = new Map(
      claims.map(({ address, epoch }, index) => [address, { epoch, version: index + 1 }]),
    );
  }

  /** Everything after `version`, in parts of at most `maxOctets`; at least one. */
  since(version: number, maxOctets: number): readonly News[] {
    const room = maxOctets - newsOverhead(this.#self);
    const parts: News[] = [];
    let from = version;
    let last = version;
    let changes: Change[] = [];
    let octets = 0;
    const finish = (to: number): void => {
      parts.push({ type: "news", ...this.standing(), speaker: this.#self, from, to, changes });
      [from, changes, octets] = [to, [], 0];
    };
    for (const [address, { epoch, version: at }] of this.#changes) {
      if (at <= version) continue;
      const change = { address, epoch };
      const more = changeOctets(change);
      if (octets + more > room) finish(last);
      changes.push(change);
      octets += more;
      last = at;
    }
    finish(this.#version);
    return parts;
  }
}
