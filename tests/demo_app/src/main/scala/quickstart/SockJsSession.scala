// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.net.URLEncoder
import scala.concurrent.duration._

import akka.actor.{Actor, ActorRef, Props, Terminated, Timers}

/** What the actors of SockJS report to each other, also from node to node: by Java serialization, so that a cluster
  * without `akka.actor.allow-java-serialization` gets no answer, as in Xitrum.
  */
object SockJsSession {
  final case class Find(id: String)
  final case class Open(id: String)
  final case class Found(session: Option[ActorRef])

  /** A polling receiver takes one frame, a streaming one takes all that come. */
  final case class Attach(receiver: ActorRef, polling: Boolean)
  final case class Received(messages: List[String])
  final case class Frame(text: String)

  private case object Expire
  private case object Beat
}

/** A session that echoes. It outlives its connections by five seconds, as SockJS's default has it. */
final class SockJsSession extends Actor with Timers {
  import SockJsSession._

  private var receiver: Option[Attach] = None
  private var waiting                  = Vector.empty[String]
  private var opened                   = false

  override def preStart(): Unit = {
    timers.startTimerWithFixedDelay(Beat, Beat, 25.seconds)
    timers.startSingleTimer(Expire, Expire, 5.seconds)
  }

  override def receive: Receive = {
    case Attach(newcomer, _) if receiver.nonEmpty => newcomer ! Frame("""c[2010,"Another connection still open"]""")
    case attach: Attach =>
      timers.cancel(Expire)
      receiver = Some(attach)
      context.watch(attach.receiver)
      if (!opened) { opened = true; send("o") }
      flush()
    case Received(messages)                                                  => waiting ++= messages; flush()
    case Beat                                                                => send("h")
    case Terminated(gone) if receiver.exists(_.receiver == gone)             => detach()
    case Expire                                                              => context.stop(self)
  }

  private def flush(): Unit = if (waiting.nonEmpty && receiver.nonEmpty) {
    val messages = waiting
    waiting = Vector.empty
    send("a" + Json.array(messages))
  }

  private def send(frame: String): Unit = receiver.foreach { attached =>
    attached.receiver ! Frame(frame)
    if (attached.polling) { context.unwatch(attached.receiver); detach() }
  }

  private def detach(): Unit = {
    receiver = None
    timers.startSingleTimer(Expire, Expire, 5.seconds)
  }
}

/** The sessions of this node, as its children. */
final class SockJsRegistry extends Actor {
  import SockJsSession._

  override def receive: Receive = {
    case Find(id) => sender() ! Found(context.child(name(id)))
    case Open(id) => sender() ! Found(Some(context.child(name(id)).getOrElse(context.actorOf(Props(new SockJsSession), name(id)))))
  }

  private def name(id: String): String = URLEncoder.encode(id, "UTF-8")
}
