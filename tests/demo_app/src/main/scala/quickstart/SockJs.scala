// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.util.UUID
import scala.util.{Failure, Random, Success, Try}

import akka.actor.{Actor, ActorRef, PoisonPill, Props}
import io.netty.channel.{ChannelFutureListener, ChannelHandlerContext}
import io.netty.handler.codec.http.{HttpHeaderNames, HttpMethod, HttpResponseStatus}
import io.netty.handler.codec.http.websocketx.{TextWebSocketFrame, WebSocketFrame}
import org.slf4j.LoggerFactory

/** The transports of SockJS under /sockjs, with an echo behind them. */
object SockJs {
  import SockJsSession._

  private val log         = LoggerFactory.getLogger("quickstart.SockJs")
  private val StreamLimit = 128 * 1024
  private val NoCache     = HttpHeaderNames.CACHE_CONTROL -> "no-store, no-cache, must-revalidate, max-age=0"

  def routes(app: App): Seq[Route] = Seq(
    Route(HttpMethod.GET, "/sockjs")(_.text("Welcome to SockJS!\n")),
    Route(HttpMethod.GET, "/sockjs/info")(info(app, _)),
    Route(HttpMethod.GET, "/sockjs/websocket")(WebSockets.open(_, new EchoFrames)),
    Route(HttpMethod.GET, "/sockjs/*")(transport(app, _)),
    Route(HttpMethod.POST, "/sockjs/*")(transport(app, _))
  )

  private def info(app: App, exchange: Exchange): Unit = exchange.json(Json(
    "websocket" -> true, "origins" -> Seq("*:*"), "entropy" -> Random.nextInt(Int.MaxValue),
    "cookie_needed" -> app.settings.config.getBoolean("xitrum.response.sockJsCookieNeeded")
  ))

  private def transport(app: App, exchange: Exchange): Unit = exchange.path.split('/') match {
    case Array("", "sockjs", server, session, name) if server.nonEmpty && session.nonEmpty =>
      (exchange.method.name, name) match {
        case ("GET", "websocket")      => WebSockets.open(exchange, new SockJsFrames(app))
        case ("GET", "eventsource")    => attach(app, session, new StreamWriter(exchange, "text/event-stream", "\r\n", "data: ", "\r\n\r\n"))
        case ("POST", "xhr_streaming") => attach(app, session, new StreamWriter(exchange, Javascript, "h" * 2048 + "\n", "", "\n"))
        case ("POST", "xhr")           => attach(app, session, new PollWriter(exchange, frame => s"$frame\n"))
        case ("GET", "jsonp")          => jsonp(app, session, exchange)
        case ("POST", "xhr_send")      => send(app, session, exchange, exchange.body) { exchange.respond(HttpResponseStatus.NO_CONTENT, "text/plain", "") }
        case ("POST", "jsonp_send")    => send(app, session, exchange, exchange.formParameter("d").getOrElse(exchange.body)) { exchange.text("ok") }
        case _                         => exchange.notFound()
      }
    case _ => exchange.notFound()
  }

  private val Javascript = "application/javascript; charset=UTF-8"

  private def jsonp(app: App, session: String, exchange: Exchange): Unit =
    exchange.parameter("c").filter(_.matches("[A-Za-z0-9_.]+")) match {
      case Some(callback) => attach(app, session, new PollWriter(exchange, frame => s"/**/$callback(${Json.array(Seq(frame)).drop(1).dropRight(1)});\r\n"))
      case None           => exchange.respond(HttpResponseStatus.INTERNAL_SERVER_ERROR, "text/plain", "\"callback\" parameter required\n")
    }

  /** A session that this instance does not have is a 404: the reason why streaming transports need stickiness. */
  private def send(app: App, id: String, exchange: Exchange, text: String)(done: => Unit): Unit = {
    implicit val executor = app.system.dispatcher
    def refuse(reason: String): Unit = exchange.respond(HttpResponseStatus.INTERNAL_SERVER_ERROR, "text/plain", reason)
    if (text.isEmpty) refuse("Payload expected.")
    else Try(Json.parseMessages(text)) match {
      case Failure(_)        => refuse("Broken JSON encoding.")
      case Success(messages) => app.sockJs.find(id).onComplete {
        case Success(Some(session)) => session ! Received(messages); done
        case Success(None)          => exchange.notFound()
        case Failure(error)         => log.warn(s"SockJS session $id: no answer from the cluster", error)
      }
    }
  }

  private def attach(app: App, id: String, writer: FrameWriter): Unit = {
    implicit val executor = app.system.dispatcher
    app.sockJs.open(id).onComplete {
      case Success(session) =>
        val receiver = app.system.actorOf(Props(new SockJsReceiver(writer)))
        val gone: ChannelFutureListener = _ => receiver ! PoisonPill
        writer.channel.closeFuture.addListener(gone)
        session ! Attach(receiver, writer.polling)
      case Failure(error) => log.warn(s"SockJS session $id: no answer from the cluster", error)
    }
  }

  /** Writes the frames of a session to one connection. `write` reports whether there may be more. */
  private[quickstart] abstract class FrameWriter(val channel: io.netty.channel.Channel, val polling: Boolean) {
    def write(frame: String): Boolean
  }

  private final class SockJsReceiver(writer: FrameWriter) extends Actor {
    override def receive: Receive = { case Frame(text) => if (!writer.write(text)) context.stop(self) }
  }

  private final class PollWriter(exchange: Exchange, wrap: String => String) extends FrameWriter(exchange.channel, polling = true) {
    override def write(frame: String): Boolean = {
      exchange.respond(HttpResponseStatus.OK, Javascript, wrap(frame), NoCache)
      false
    }
  }

  private final class StreamWriter(exchange: Exchange, contentType: String, prelude: String, before: String, after: String)
      extends FrameWriter(exchange.channel, polling = false) {
    private var written = 0
    exchange.begin(contentType, NoCache)
    exchange.chunk(prelude)

    override def write(frame: String): Boolean = {
      val text = before + frame + after
      exchange.chunk(text)
      written += text.length
      val more = written < StreamLimit && !frame.startsWith("c")
      if (!more) exchange.end()
      more
    }
  }

  private final class SocketWriter(ctx: ChannelHandlerContext) extends FrameWriter(ctx.channel, polling = false) {
    override def write(frame: String): Boolean = { ctx.writeAndFlush(new TextWebSocketFrame(frame)); true }
  }

  /** A WebSocket has a session of its own: it never outlives the connection, so its id is not searched for. */
  private final class SockJsFrames(app: App) extends FrameHandler {
    private val session: ActorRef = app.system.actorOf(Props(new SockJsSession), s"sockjs-websocket-${UUID.randomUUID}")

    override def handlerAdded(ctx: ChannelHandlerContext): Unit = {
      val receiver = app.system.actorOf(Props(new SockJsReceiver(new SocketWriter(ctx))))
      session ! Attach(receiver, polling = false)
    }

    override def receive(ctx: ChannelHandlerContext, frame: WebSocketFrame): Unit = frame match {
      case text: TextWebSocketFrame if text.text.nonEmpty =>
        Try(Json.parseMessages(text.text)) match {
          case Success(messages) => session ! Received(messages)
          case Failure(_)        => ctx.close(); ()
        }
      case _ =>
    }

    override def channelInactive(ctx: ChannelHandlerContext): Unit = {
      session ! PoisonPill
      super.channelInactive(ctx)
    }
  }
}
