import type { Socket } from 'node:net'

/**
 * Ends a connection with a reset. Where its end is being sent already (FIN), the
 * connection is only closed: libuv refuses to reset a handle with a shutdown under
 * way (EINVAL of uv_tcp_close_reset), Node.js takes the handle for closed all the
 * same, and at its exit waits for that forever.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
