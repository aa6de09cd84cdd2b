import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { SessionWords } from "./session-words.ts";

const [router] = loadConfig("peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}]").peers;
const tor: BgpPeerConfig = { ...(router as BgpPeerConfig), name: "tor", password: "" };
const SILENCE = "a password that is wrong, or set on one side only, looks the same";

describe("what is said of a session", () => {
  let now: number;
  let said: string[];
  let events: string[];
  let words: SessionWords;
  beforeEach(() => {
    [now, said, events] = [0, [], []];
    words = new SessionWords("iris1", {
      epochMs: () => now,
      saySession: (word) => {
        if (word.type === "gone") said.push(`${word.peer} gone`);
        else {
          const { address, vrf, bgp, bfd, sinceMs, error } = word.standing;
          const trouble = error === undefined ? "" : `, at ${error.atMs}: ${error.text}`;
          said.push(`${word.peer} ${address} ${vrf}: ${bgp} since ${sinceMs}, BFD ${bfd}${trouble}`);
        }
      },
      recordEvent: ({ regarding, type, reason, message }) =>
        events.push(`${regarding.kind} ${regarding.name} ${type} ${reason}: ${message}`),
    });
    words.planned([tor]);
  });
  const news = (): readonly string[] => said.splice(0);

  it("is where the router is, and that there is none yet, once", () => {
    words.planned([tor]);
    assert.deepEqual(news(), ["tor 192.0.2.254:179 default: Down since 0, BFD N/A"]);
    words.planned([{ ...tor, vrf: "red", peerPort: 1179 }]);
    assert.deepEqual(news(), ["tor 192.0.2.254:1179 red: Down since 0, BFD N/A"]);
    words.planned([]);
    assert.deepEqual(news(), ["tor gone"]);
    words.established("tor");
    assert.deepEqual(news(), []);
  });

  it("goes along with a session that gets another name, and leaves nothing behind", () => {
    const [east, west] = ["192.0.2.1", "192.0.2.2"].map((address) => ({
      ...tor,
      remote: { address: address as IpAddress },
    })) as [BgpPeerConfig, BgpPeerConfig];
    words.planned([
      { ...east, name: "1" },
      { ...west, name: "2" },
    ]);
    now = 10;
    words.established("2");
    words.watched(new Map([["2", true]]));
    news();
    now = 20;
    words.planned([{ ...west, name: "1" }], new Map([["2", "1"]]));
    assert.deepEqual(news(), ["2 gone", "1 192.0.2.2:179 default: Established since 10, BFD Up"]);
    words.planned(
      [
        { ...east, name: "1" },
        { ...west, name: "west" },
      ],
      new Map([["1", "west"]]),
    );
    assert.deepEqual(news(), [
      "1 192.0.2.1:179 default: Down since 20, BFD N/A",
      "west 192.0.2.2:179 default: Established since 10, BFD Up",
    ]);
  });

  it("is when it came up and when it went, and nothing of the attempts between that end alike", () => {
    news();
    now = 10;
    words.established("tor");
    now = 20;
    words.failed("tor", "hold-expired", "nothing heard for the hold time of 9 s");
    for (now of [30, 40, 50]) words.failed("tor", "connect-failed", "no connection: refused");
    now = 60;
    words.established("tor");
    const at = "tor 192.0.2.254:179 default:";
    assert.deepEqual(news(), [
      `${at} Established since 10, BFD N/A`,
      `${at} Down since 20, BFD N/A, at 20: nothing heard for the hold time of 9 s`,
      `${at} Down since 20, BFD N/A, at 30: no connection: refused`,
      `${at} Established since 60, BFD N/A, at 30: no connection: refused`,
    ]);
  });

  it("is when it went wrong this time, also where it went wrong so before", () => {
    for (const at of [10, 20]) {
      now = at;
      words.established("tor");
      now = at + 5;
      words.failed("tor", "closed", "the connection was closed");
    }
    const at = "tor 192.0.2.254:179 default:";
    assert.deepEqual(news().slice(1), [
      `${at} Established since 10, BFD N/A`,
      `${at} Down since 15, BFD N/A, at 15: the connection was closed`,
      `${at} Established since 20, BFD N/A, at 15: the connection was closed`,
      `${at} Down since 25, BFD N/A, at 25: the connection was closed`,
    ]);
  });

  it("keeps what the router said when both met last, until there is a session", () => {
    const error = () => news().map((line) => line.replace(/^.*?: .*?: /, ""));
    error();
    words.failed("tor", "notification", "the peer says: bad peer AS");
    words.failed("tor", "closed", "the connection was closed");
    assert.deepEqual(error(), [
      "the peer says: bad peer AS",
      "the connection was closed (before that: the peer says: bad peer AS)",
    ]);
    words.established("tor");
    error();
    words.failed("tor", "closed", "the connection was closed");
    assert.deepEqual(error(), ["the connection was closed"]);
  });

  it("mentions passwords where nobody answers", () => {
    news();
    words.failed("tor", "connect-failed", "no connection within 5 s");
    const at = "tor 192.0.2.254:179 default: Down since 0, BFD N/A, at 0";
    assert.deepEqual(news(), [`${at}: no connection within 5 s; ${SILENCE}`]);
  });

  it("is that a password is not known, where there can be no session without", () => {
    words.planned([{ ...tor, name: "guarded", password: undefined }]);
    assert.deepEqual(news().slice(1), [
      "tor gone",
      "guarded 192.0.2.254:179 default: Down since 0, BFD N/A, at 0: its password is not known yet; the ConfigurationState of this node says why",
    ]);
  });

  it("is that another peer has the session with its router, and nothing more when it has it itself", () => {
    news();
    const spine = { ...tor, name: "spine" };
    for (let times = 0; times < 2; times += 1) words.planned([spine], new Map(), new Map([[tor, spine]]));
    now = 10;
    words.planned([tor]);
    words.established("tor");
    const why = "BGP peer spine has the session with this router: it takes one from each address";
    const at = "192.0.2.254:179 default:";
    assert.deepEqual(news(), [
      `spine ${at} Down since 0, BFD N/A`,
      `tor ${at} Down since 0, BFD N/A, at 0: ${why}`,
      "spine gone",
      `tor ${at} Established since 10, BFD N/A, at 0: ${why}`,
    ]);
  });

  it("is that a password is known no more, once for each time", () => {
    news();
    words.established("tor");
    now = 10;
    for (let times = 0; times < 2; times += 1) words.planned([{ ...tor, password: undefined }]);
    words.failed("tor", "stopped", "the configuration changed");
    now = 20;
    words.planned([tor]);
    words.established("tor");
    now = 30;
    words.planned([{ ...tor, password: undefined }]);
    const [at, why] = ["tor 192.0.2.254:179 default:", "its password is not known yet"];
    assert.deepEqual(
      news().map((line) => line.split(";")[0]),
      [
        `${at} Established since 0, BFD N/A`,
        `${at} Established since 0, BFD N/A, at 10: ${why}`,
        `${at} Down since 10, BFD N/A, at 10: ${why}`,
        `${at} Established since 20, BFD N/A, at 10: ${why}`,
        `${at} Established since 20, BFD N/A, at 30: ${why}`,
      ],
    );
  });

  it("is what BFD makes of those that it watches", () => {
    news();
    const hears = [new Map([["tor", false]]), new Map([["tor", true]]), new Map([["tor", true]]), new Map()];
    for (const each of hears) words.watched(each);
    assert.deepEqual(
      news().map((line) => line.slice(-3)),
      ["own", " Up", "N/A"],
    );
  });

  it("is an Event on the Node once for each time that there is no session, unless it was shut down or BFD has said so", () => {
    words.failed("tor", "connect-failed", "no connection: refused");
    words.failed("tor", "closed", "the connection was closed");
    words.established("tor");
    words.failed("tor", "stopped", "the configuration changed");
    words.failed("tor", "peer-down", "BFD: nothing heard");
    words.failed("tor", "connect-failed", "no connection: refused");
    words.established("tor");
    words.failed("tor", "hold-expired", "nothing heard");
    assert.deepEqual(events, [
      "Node iris1 Warning BGPSessionDown: no BGP session with 192.0.2.254:179 (BGP peer tor): no connection: refused",
      "Node iris1 Warning BGPSessionDown: no BGP session with 192.0.2.254:179 (BGP peer tor): nothing heard",
    ]);
  });
});
