// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import io.netty.channel.{ChannelHandler, ChannelHandlerContext, SimpleChannelInboundHandler}
import io.netty.handler.codec.http.{HttpHeaderNames, HttpResponseStatus, HttpServerKeepAliveHandler}
import io.netty.handler.codec.http.websocketx._

object WebSockets {
  private val MaxFrameBytes = 1024 * 1024

  /** Upgrades the connection and hands its frames to `frames`. */
  def open(exchange: Exchange, frames: FrameHandler): Unit =
    if (!"websocket".equalsIgnoreCase(exchange.headers.get(HttpHeaderNames.UPGRADE)))
      exchange.respond(HttpResponseStatus.BAD_REQUEST, "text/plain", "Can \"Upgrade\" only to \"WebSocket\".\n")
    else {
      val scheme     = if (exchange.origin.scheme == "https") "wss" else "ws"
      val location   = s"$scheme://${exchange.origin.host}${exchange.path}"
      val handshaker = new WebSocketServerHandshakerFactory(location, null, false, MaxFrameBytes).newHandshaker(exchange.request)
      if (handshaker == null) { WebSocketServerHandshakerFactory.sendUnsupportedVersionResponse(exchange.channel); () }
      else {
        val pipeline = exchange.channel.pipeline
        pipeline.remove(classOf[HttpServerKeepAliveHandler])
        frames.handshaker = Some(handshaker)
        // Before the handshake: the first frame may come with it.
        pipeline.addLast(frames: ChannelHandler)
        handshaker.handshake(exchange.channel, exchange.request)
        ()
      }
    }
}

abstract class FrameHandler extends SimpleChannelInboundHandler[WebSocketFrame] {
  var handshaker: Option[WebSocketServerHandshaker] = None

  def receive(ctx: ChannelHandlerContext, frame: WebSocketFrame): Unit

  override def channelRead0(ctx: ChannelHandlerContext, frame: WebSocketFrame): Unit = frame match {
    case close: CloseWebSocketFrame => handshaker.foreach(_.close(ctx.channel, close.retain()))
    case ping: PingWebSocketFrame   => ctx.writeAndFlush(new PongWebSocketFrame(ping.content.retain())); ()
    case _: PongWebSocketFrame      =>
    case other                      => receive(ctx, other)
  }
}

final class EchoFrames extends FrameHandler {
  override def receive(ctx: ChannelHandlerContext, frame: WebSocketFrame): Unit = { ctx.writeAndFlush(frame.retain()); () }
}
