// node raw-peer.ts ADDRESS OPEN: connects to a router, says the OPEN (in hex, whole) and that it holds, and writes down
// each message it hears as a line of hex. Ends when the router closes, or with its input.
import { connect } from "node:net";
import { Framer } from "@herald/bgp/framer";
import { frame, MAX_EXTENDED_OCTETS } from "@herald/bgp/header";
import { MESSAGE_TYPE } from "@herald/bgp/iana";
import { encodeMessage } from "@herald/bgp/message";
import { parseHex } from "@herald/lab/hex";

const [address = "", open = ""] = process.argv.slice(2);
const framer = new Framer();
framer.allow(MAX_EXTENDED_OCTETS);

const socket = connect({ host: address, port: 179 });
socket.on("connect", () => socket.write(parseHex(open)));
socket.on("data", (chunk: Buffer) => {
  framer.push(chunk);
  for (let heard = framer.next(); heard !== undefined; heard = framer.next()) {
    process.stdout.write(`${Buffer.from(frame(heard.type, heard.body)).toString("hex")}\n`);
    if (heard.type === MESSAGE_TYPE.open) socket.write(encodeMessage({ type: "keepalive" }));
  }
});
socket.on("error", ({ message }) => process.stderr.write(`${message}\n`)); // who refuses may reset; it closes, too
socket.on("close", () => process.exit(0));
process.stdin.on("end", () => process.exit(0)).resume();
