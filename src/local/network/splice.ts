import type { Socket } from "node:net";

/**
 * Joins two connected sockets, both made with `allowHalfOpen`: bytes and half-closes go both ways with back-pressure,
 * and a reset of one resets the other. Returns at once.
 */
export function splice(one: Socket, other: Socket): void {
  follow(one, other);
  follow(other, one);
  one.pipe(other);
  other.pipe(one);
}

/** Ends a connection so that its peer sees a reset, where the kind of socket has one (TCP), else a close. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    // Unix sockets know no reset.
    socket.destroy();
  }
}

function follow(socket: Socket, peer: Socket): void {
  // The error itself says nothing that the peer's reset does not; without a listener it would end the process.
  socket.on("error", ignore);
  socket.once("close", (hadError) => {
    // After an orderly close the peer still flushes what it was given, so only a broken or abandoned one is cut off.
    if (hadError || !socket.readableEnded) reset(peer);
  });
}

function ignore(): void {}
