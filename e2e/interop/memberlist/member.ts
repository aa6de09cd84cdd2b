// One of our members as a program, told and telling in the words of main.go:
//   node member.ts --name NAME --bind ADDRESS [--port N] [--label TEXT] [--keys HEX,...] [--profile NAME] [--suspicion S]
import { hash } from "node:crypto";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { MemberChange } from "@herald/gossip/effect";
import type { SwimNotice } from "@herald/gossip/notices";
import { PROFILES, type ProfileName } from "@herald/gossip/options";
import { rank } from "@herald/layer2/election";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { OurMember, suspectFor } from "./our-member.ts";
import type { Command, Line } from "./peer.ts";

const { values } = parseArgs({
  options: {
    name: { type: "string", default: "" },
    bind: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "7946" },
    label: { type: "string", default: "" },
    keys: { type: "string", default: "" },
    profile: { type: "string", default: "default" },
    suspicion: { type: "string", default: "" }, // how long a member is suspected at least, seconds; "": the profile's
  },
});
const profile = values.profile as ProfileName;

const known = new Set<string>(); // who is alive or suspect, by name; bounded by the members
const member = await OurMember.start({
  ...values,
  port: Number(values.port),
  keys: values.keys.split(",").filter((key) => key !== ""),
  profile,
  swim: values.suspicion === "" ? {} : suspectFor(1_000 * Number(values.suspicion), PROFILES[profile]),
  onNews: tell,
});
say({ event: "ready", name: values.name });

const lines = createInterface({ input: process.stdin });
lines.on("line", (text) => void obey(JSON.parse(text) as Command));
lines.on("close", () => process.exit(0));

async function obey({ op, addresses = [] }: Command): Promise<void> {
  switch (op) {
    case "join":
      member.gossip.discovered(addresses.map(endpoint));
      return say({ event: "joined", joined: addresses.length });
    case "leave":
      await member.gossip.leave();
      return say({ event: "left" });
    case "owners": {
      const members = member.candidates();
      const owners = addresses.map((address) => rank(address as IpAddress, members, sha256)[0] ?? "");
      return say({ event: "owners", members, owners });
    }
    default:
      return say({ event: "error", error: `unknown op ${op}` });
  }
}

/** memberlist tells of joins and leaves, and logs the rest. */
function tell(what: MemberChange | SwimNotice, node: string): void {
  if (what === "alive" && !known.has(node)) {
    known.add(node);
    say({ event: "join", name: node });
  } else if ((what === "dead" || what === "left") && known.delete(node)) {
    say({ event: "leave", name: node });
  } else {
    say({ event: "log", text: `${what} ${node}` });
  }
}

function say(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function sha256(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}

function endpoint(text: string): { address: Uint8Array; port: number } {
  const [address = "", port = "7946"] = text.split(":");
  return { address: toOctets(parseAddress(address) as IpAddress), port: Number(port) };
}
