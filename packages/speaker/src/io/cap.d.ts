/** The part of cap that we use, with what our patch adds (patches/cap@0.2.1.patch). */
declare module "cap" {
  import type { EventEmitter } from "node:events";

  /**
   * One capture. It emits "open" (link type, "ETHERNET" for what we use), then "packet" (octets, truncated) for
   * each frame; and "error" (Error in libpcap's words) when it could not be opened or has ended, and is closed.
   */
  export interface Cap extends EventEmitter {
    /**
     * Begins to open: that takes some 20 ms, in a thread of libuv's.
     * @param buffer every frame is written to its start.
     * @throws {Error} when open already.
     */
    open(
      device: string,
      filter: string,
      ringOctets: number,
      buffer: Uint8Array,
      snapOctets: number,
      promiscuous: boolean,
    ): void;
    /** @throws {Error} as libpcap words it; when not open. */
    send(frame: Uint8Array, octets: number): void;
    /** Nothing is emitted any more. What takes some 30 ms, a thread of libuv's does. @returns whether it was open, or about to be. */
    close(): boolean;
  }

  const addon: { readonly Cap: new () => Cap };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has nothing else to import
  export default addon;
}
