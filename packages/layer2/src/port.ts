import { readU32 } from "@herald/wire/bytes";
import { macOctets } from "@herald/wire/mac";
import type { AnnouncerEffect, Interface } from "./announcer.ts";
import { gratuitousFrame, introductionFrame, probeFrame, refreshFrame, replyTemplate } from "./arp-frames.ts";
import {
  ARP_DROP_REASONS,
  type ArpDropReason,
  type DropReason,
  NDP_DROP_REASONS,
  type NdpDropReason,
} from "./drop-reasons.ts";
import type { Heard } from "./hear.ts";
import { type Held, isIpv6 } from "./holdings.ts";
import {
  type AdvertisementTemplate,
  advertisementTemplate,
  checkSolicitation,
  introductionSolicitation,
  probeSolicitation,
  quietAdvertisement,
  refreshAdvertisement,
  solicitedAdvertisement,
  unsolicitedAdvertisement,
} from "./ndp-frames.ts";
import type { Client } from "./spread-clients.ts";

/** An interface that is up, with what every frame on it needs. */
export interface Port {
  readonly interface: Interface;
  readonly mac: Uint8Array;
  readonly reply: Uint8Array;
  readonly advertisement: AdvertisementTemplate;
  readonly arp: Readonly<Record<ArpDropReason, readonly [AnnouncerEffect]>>;
  readonly ndp: Readonly<Record<NdpDropReason, readonly [AnnouncerEffect]>>;
}

export function portOf(next: Interface): Port {
  const mac = macOctets(next.mac);
  return {
    interface: next,
    mac,
    reply: replyTemplate(mac),
    advertisement: advertisementTemplate(mac),
    arp: drops("arp", ARP_DROP_REASONS, next.name),
    ndp: drops("ndp", NDP_DROP_REASONS, next.name),
  };
}

/** @returns what announces an address there, each frame followed by what it is counted as. */
export function announcementOf({ address, octets }: Held, port: Port): readonly AnnouncerEffect[] {
  const { name } = port.interface;
  if (isIpv6({ octets })) {
    const bytes = unsolicitedAdvertisement(octets, port.advertisement);
    return [
      { type: "send", interface: name, bytes },
      { type: "advertised", interface: name, address },
    ];
  }
  return (["request", "reply"] as const).flatMap((operation): readonly AnnouncerEffect[] => [
    { type: "send", interface: name, bytes: gratuitousFrame(operation, port.mac, readU32(octets, 0)) },
    { type: "gratuitous", interface: name, address, operation },
  ]);
}

/** @returns the answer to a question for an address. */
export function advertisementTo(
  { target, from, source }: Extract<Heard, { type: "solicitation" }>,
  { spread }: Held,
  { advertisement }: Port,
): Uint8Array {
  if (from !== undefined) return solicitedAdvertisement(target, from, advertisement);
  return spread === undefined
    ? unsolicitedAdvertisement(target, advertisement)
    : quietAdvertisement(target, source, advertisement);
}

/** @returns what tells one client where an address is, followed by what it is counted as. */
export function refreshOf(held: Held, client: Client, port: Port): readonly AnnouncerEffect[] {
  const { address, octets } = held;
  const { name } = port.interface;
  const bytes = isIpv6(held)
    ? refreshAdvertisement(octets, { mac: client.mac, address: client.octets }, port.advertisement)
    : refreshFrame(port.mac, readU32(octets, 0), client.mac);
  return [
    { type: "send", interface: name, bytes },
    { type: "refreshed", interface: name, address },
  ];
}

/** @returns what tells another node of a client that this one has, for each of its MACs. */
export function introductionsOf(
  held: Held,
  client: Client,
  port: Port,
  macs: readonly Uint8Array[],
): readonly AnnouncerEffect[] {
  const { octets, address } = held;
  const { name } = port.interface;
  const bytesTo = (to: Uint8Array): Uint8Array =>
    isIpv6(held)
      ? introductionSolicitation(octets, client, port.mac, to)
      : introductionFrame(readU32(octets, 0), client, port.mac, to);
  return macs.flatMap((to): readonly AnnouncerEffect[] => [
    { type: "send", interface: name, bytes: bytesTo(to) },
    { type: "introduced", interface: name, address },
  ]);
}

/** @returns the question whether anybody else has an address there; nobody's cache learns anything by it. */
export function probeOf(held: Held, { interface: { name }, mac }: Port): AnnouncerEffect {
  return { type: "send", interface: name, bytes: questionOf(held, mac) };
}

function questionOf(held: Held, mac: Uint8Array): Uint8Array {
  const { octets, speaks } = held;
  if (!isIpv6(held)) return probeFrame(mac, readU32(octets, 0));
  return speaks ? checkSolicitation(octets, mac) : probeSolicitation(octets, mac);
}

/** One effect for each reason, made once: a flood of frames that are dropped makes no garbage. */
function drops<Reason extends DropReason>(
  protocol: "arp" | "ndp",
  reasons: Readonly<Record<Reason, string>>,
  name: string,
): Readonly<Record<Reason, readonly [AnnouncerEffect]>> {
  const entries = Object.keys(reasons).map((reason) => [
    reason,
    [{ type: "dropped", protocol, reason, interface: name }],
  ]);
  return Object.fromEntries(entries) as Readonly<Record<Reason, readonly [AnnouncerEffect]>>;
}
