/**
 * Every number of BGP that this package knows, by its registry. All but the address families stand on
 * https://www.iana.org/assignments/bgp-parameters and the pages it links to; read in 2026.
 */

/** Registry "BGP Message Types". */
export const MESSAGE_TYPE = {
  open: 1, // RFC 4271
  update: 2,
  notification: 3,
  keepalive: 4,
  routeRefresh: 5, // RFC 2918
} as const;

/** Registry "Address Family Numbers", https://www.iana.org/assignments/address-family-numbers. */
export const AFI = { ipv4: 1, ipv6: 2 } as const;

/** Registry "SAFI Values", https://www.iana.org/assignments/safi-namespace. */
export const SAFI = { unicast: 1 } as const;

/** Registry "BGP OPEN Optional Parameter Types". */
export const OPTIONAL_PARAMETER = {
  capabilities: 2, // RFC 5492
  extendedLength: 255, // RFC 9072
} as const;

/** Registry "Capability Codes", https://www.iana.org/assignments/capability-codes. */
export const CAPABILITY = {
  multiprotocol: 1, // RFC 2858, 4760
  routeRefresh: 2, // RFC 2918
  extendedNextHop: 5, // RFC 8950
  extendedMessage: 6, // RFC 8654
  role: 9, // RFC 9234
  gracefulRestart: 64, // RFC 4724, 8538
  fourOctetAsn: 65, // RFC 6793
  addPath: 69, // RFC 7911
  enhancedRouteRefresh: 70, // RFC 7313
  longLivedGracefulRestart: 71, // RFC 9494
  fqdn: 73, // draft-walton-bgp-hostname-capability
} as const;

/** Registry "BGP Path Attributes". */
export const ATTRIBUTE = {
  origin: 1, // RFC 4271
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8, // RFC 1997
  originatorId: 9, // RFC 4456
  clusterList: 10,
  mpReach: 14, // RFC 4760
  mpUnreach: 15,
  extendedCommunities: 16, // RFC 4360
  as4Path: 17, // RFC 6793
  as4Aggregator: 18,
  largeCommunities: 32, // RFC 8092
  onlyToCustomer: 35, // RFC 9234
} as const;

/** RFC 4271 §4.3, "Attribute Flags". */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

/** RFC 4271 §5.1.1. */
export const ORIGIN = { igp: 0, egp: 1, incomplete: 2 } as const;

/** Registry "BGP AS_PATH Segment Types". */
export const SEGMENT = { set: 1, sequence: 2, confederationSequence: 3, confederationSet: 4 } as const;

/** Registry "BGP Roles", RFC 9234 §4.1. */
export const ROLE = {
  provider: 0,
  "route-server": 1,
  "route-server-client": 2,
  customer: 3,
  peer: 4,
} as const;

/** Registry "BGP Graceful Restart Flags": the first four bits of the capability. */
export const RESTART_FLAG = { restarting: 0x8, notifications: 0x4 } as const; // RFC 4724, 8538

/** Registries "BGP Graceful Restart Flags for Address Family", and "Long-lived …". */
export const RESTART_FAMILY_FLAG = { forwarding: 0x80 } as const; // RFC 4724, 9494

/** RFC 7911 §4: what the sender of the capability can do. */
export const ADD_PATH = { receive: 1, send: 2, both: 3 } as const;

/** Registry "BGP ROUTE-REFRESH Subcodes", RFC 7313. */
export const REFRESH = { request: 0, begin: 1, end: 2 } as const;

/** RFC 6793 §4: who stands in for an ASN of four octets where only two fit. */
export const AS_TRANS = 23_456;

/** Registry "BGP Error (Notification) Codes". */
export const ERROR = {
  header: 1, // RFC 4271
  open: 2,
  update: 3,
  holdTimer: 4,
  stateMachine: 5,
  cease: 6,
  routeRefresh: 7, // RFC 7313
  sendHoldTimer: 8, // RFC 9687
} as const;

/** Registry "Message Header Error subcodes". */
export const HEADER_ERROR = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

/** Registry "OPEN Message Error subcodes". */
export const OPEN_ERROR = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7, // RFC 5492
  roleMismatch: 11, // RFC 9234
} as const;

/** Registry "UPDATE Message Error subcodes". */
export const UPDATE_ERROR = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

/** Registry "BGP Finite State Machine Error Subcodes", RFC 6608. */
export const STATE_MACHINE_ERROR = { unspecific: 0, openSent: 1, openConfirm: 2, established: 3 } as const;

/** Registry "BGP Cease NOTIFICATION message subcodes", RFC 4486 and those named. */
export const CEASE = {
  maxPrefixes: 1,
  shutdown: 2, // RFC 9003: with a text
  deconfigured: 3,
  reset: 4, // RFC 9003: with a text
  rejected: 5,
  otherConfigurationChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9, // RFC 8538
  bfdDown: 10, // RFC 9384
} as const;

/** Registry "BGP ROUTE-REFRESH Message Error subcodes", RFC 7313. */
export const REFRESH_ERROR = { invalidLength: 1 } as const;

/** Registry "BGP Well-known Communities", https://www.iana.org/assignments/bgp-well-known-communities. */
export const COMMUNITY = {
  gracefulShutdown: "65535:0", // RFC 8326
  llgrStale: "65535:6", // RFC 9494
  noLlgr: "65535:7",
  noExport: "65535:65281", // RFC 1997
  noAdvertise: "65535:65282",
} as const;

/** Registries "Transitive Two-Octet AS-Specific Extended Community Sub-Types", and "Non-Transitive …". */
export const EXTENDED_COMMUNITY = {
  linkBandwidth: 0x0004, // RFC 10005: type 0x00, sub-type 0x04
  linkBandwidthWithin: 0x4004, // type 0x40
} as const;

/** BGP Monitoring Protocol (RFC 7854, 8671), https://www.iana.org/assignments/bmp-parameters. */
export const BMP = {
  version: 3,
  message: { routeMonitoring: 0, stats: 1, peerDown: 2, peerUp: 3, initiation: 4, termination: 5 },
  /** Of the header of a peer: its address is IPv6, after policy, AS numbers of two octets, what we tell it. */
  flag: { ipv6: 0x80, postPolicy: 0x40, twoOctetAsns: 0x20, adjRibOut: 0x10 },
  peerType: { global: 0 },
  initiation: { sysDescr: 1, sysName: 2 },
  termination: { reason: 1 },
  terminationReason: { closed: 0 },
  peerDown: { weNotified: 1, weClosed: 2, peerNotified: 3, peerClosed: 4, monitoredNoMore: 5 },
  /** Routes after policy that a peer was told, of all families and of each. */
  stat: { adjRibOut: 15, adjRibOutOfFamily: 17 },
} as const;
