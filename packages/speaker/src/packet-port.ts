/** Where frames come from and go to: libpcap in production, a virtual LAN in a simulation. */
export interface PacketPort {
  /**
   * Begins to capture on one interface, without waiting for it: `onOpen` or `onFailure` is called later, never
   * before this returns. It never throws.
   */
  open(options: CaptureOptions): Capture;
}

export interface CaptureOptions {
  readonly interfaceName: string;
  /** A libpcap filter expression. Keep it narrow: what it refuses never leaves the kernel. */
  readonly filter: string;
  /** Octets kept of each frame; what is longer is cut. */
  readonly snapOctets: number;
  /** From now on frames can be heard and sent. */
  readonly onOpen: () => void;
  /** @param frame valid until the callback returns: the next frame is written over it. */
  readonly onFrame: (frame: Uint8Array) => void;
  /**
   * The capture could not begin or has ended, most often because its interface went down, and is closed. Called
   * at most once.
   *
   * @param message in the words of the system below, for people.
   */
  readonly onFailure: (message: string) => void;
}

export interface Capture {
  /** Puts a whole Ethernet frame on the wire; "failed" when the capture is not open or the interface refused it. */
  send(frame: Uint8Array): "sent" | "failed";
  /** Ends the capture, open or not yet; nothing is called again. Harmless when closed already. */
  close(): void;
}
