import addon, { type Cap } from "cap";
import type { Capture, CaptureOptions, OpenFailure, PacketPort } from "../packet-port.ts";

/** Memory of the kernel's ring, octets: some 6,000 frames as short as ours, a tenth of a second of a heavy flood. */
const RING_OCTETS = 1024 * 1024;

/** libpcap through cap. Loading this file in a worker thread ends the process at the first frame: never do. */
export const pcap: PacketPort = { open };

function open(options: CaptureOptions): Capture | OpenFailure {
  const cap = new addon.Cap();
  const buffer = new Uint8Array(options.snapOctets);
  let running = true;
  cap.on("packet", (octets: number) => {
    if (running) options.onFrame(buffer.subarray(0, octets));
  });
  cap.on("error", (error: Error) => {
    if (running) options.onFailure(error.message);
    running = false;
  });
  try {
    const { interfaceName, filter, snapOctets } = options;
    const link = cap.open(interfaceName, filter, RING_OCTETS, buffer, snapOctets, false);
    if (link !== "ETHERNET") {
      cap.close();
      return { type: "open-failure", message: `its frames are ${link}, want ETHERNET` };
    }
  } catch (error) {
    return { type: "open-failure", message: messageOf(error) };
  }
  return {
    type: "capture",
    send: (frame) => (running ? send(cap, frame) : "failed"),
    close: () => {
      running = false;
      cap.close();
    },
  };
}

function send(cap: Cap, frame: Uint8Array): "sent" | "failed" {
  try {
    cap.send(frame, frame.length);
    return "sent";
  } catch (error) {
    messageOf(error);
    return "failed";
  }
}

/** libpcap's words. The addon throws plain errors for those, and TypeErrors where we called it wrongly. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error) || error instanceof TypeError) throw error;
  return error.message;
}
