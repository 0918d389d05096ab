/** Methods every Node.js has had since 0.x and which `@types/node` leaves out; they skip the look-up of the encoding's name. */
declare global {
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
  }
}

export {};
