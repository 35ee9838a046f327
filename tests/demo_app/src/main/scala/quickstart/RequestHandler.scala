// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.nio.charset.StandardCharsets.UTF_8
import java.util.Base64

import scala.util.control.NonFatal

import io.netty.channel.{ChannelHandlerContext, SimpleChannelInboundHandler}
import io.netty.handler.codec.http._
import org.slf4j.LoggerFactory

/** Basic authentication, then a static file, then a route. */
final class RequestHandler(app: App) extends SimpleChannelInboundHandler[FullHttpRequest] {
  private val log   = LoggerFactory.getLogger("quickstart.RequestHandler")
  private val files = new StaticFiles(app.settings)

  override def channelRead0(ctx: ChannelHandlerContext, request: FullHttpRequest): Unit = {
    val exchange = new Exchange(ctx.channel, request, app)
    try {
      if (request.decoderResult.isFailure) exchange.respond(HttpResponseStatus.BAD_REQUEST, "text/plain", "Bad request\n")
      else if (!allowed(exchange)) refuse(exchange)
      else if (!files.answer(exchange)) app.router.answer(exchange)
    } catch {
      case error: SessionError =>
        // As measured: the client gets no answer at all.
        log.error(s"${exchange.path}: the session cannot be serialized", error)
        ctx.close()
      case NonFatal(error) =>
        log.error(exchange.path, error)
        exchange.respond(HttpResponseStatus.INTERNAL_SERVER_ERROR, "text/html; charset=UTF-8", "<h1>500 Internal Server Error</h1>\n")
    }
  }

  private def allowed(exchange: Exchange): Boolean = app.settings.basicAuth.forall { case (_, user, password) =>
    val expected = "Basic " + Base64.getEncoder.encodeToString(s"$user:$password".getBytes(UTF_8))
    exchange.headers.get(HttpHeaderNames.AUTHORIZATION) == expected
  }

  private def refuse(exchange: Exchange): Unit = app.settings.basicAuth.foreach { case (realm, _, _) =>
    exchange.respond(HttpResponseStatus.UNAUTHORIZED, "text/plain", "Unauthorized\n",
      HttpHeaderNames.WWW_AUTHENTICATE -> s"""Basic realm="$realm"""")
  }

  override def exceptionCaught(ctx: ChannelHandlerContext, cause: Throwable): Unit = {
    log.debug("Connection closed", cause)
    ctx.close()
  }
}
