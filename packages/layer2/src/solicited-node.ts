import { fromOctets, type IpAddress } from "@herald/shared/ip/address";
import { solicitedNodeGroup } from "@herald/wire/ndp";
import type { Interface } from "./announcer.ts";

/**
 * A group to join or leave. Solicitations go to it, and a switch that listens to who has joined (RFC 4541)
 * forwards them to nobody else. The kernel reports and keeps reporting memberships (MLD, RFC 3810).
 */
export interface GroupEffect {
  readonly type: "join" | "leave";
  readonly interface: string;
  /** The kernel's, of the interface that was joined on: another of the same name has no such membership. */
  readonly index: number;
  readonly group: IpAddress;
}

/**
 * Which solicited-node groups to be in, counted: addresses with the same last 24 bits share one, and the kernel
 * refuses to join twice.
 */
export class SolicitedNodeGroups {
  /** By name of the interface, then by group; bounded by interfaces times addresses. */
  readonly #members = new Map<string, { readonly index: number; readonly counts: Map<IpAddress, number> }>();

  /** @param octets 16, of an address to be heard about from now on. */
  join({ name, index }: Interface, octets: Uint8Array): readonly GroupEffect[] {
    const group = fromOctets(solicitedNodeGroup(octets));
    let member = this.#members.get(name);
    if (member === undefined) {
      member = { index, counts: new Map() };
      this.#members.set(name, member);
    }
    const count = member.counts.get(group) ?? 0;
    member.counts.set(group, count + 1);
    return count === 0 ? [{ type: "join", interface: name, index, group }] : [];
  }

  /** Undoes one `join`; harmless for an interface that was left. */
  leave(name: string, octets: Uint8Array): readonly GroupEffect[] {
    const member = this.#members.get(name);
    const group = fromOctets(solicitedNodeGroup(octets));
    const count = member?.counts.get(group);
    if (member === undefined || count === undefined) return [];
    if (count > 1) {
      member.counts.set(group, count - 1);
      return [];
    }
    member.counts.delete(group);
    return [{ type: "leave", interface: name, index: member.index, group }];
  }

  /** Undoes every `join` on an interface that is down or gone: the kernel may have, and who keeps sockets must, too. */
  leaveAll(name: string): readonly GroupEffect[] {
    const member = this.#members.get(name);
    this.#members.delete(name);
    if (member === undefined) return [];
    const { index, counts } = member;
    return [...counts.keys()].map((group) => ({ type: "leave", interface: name, index, group }));
  }
}
