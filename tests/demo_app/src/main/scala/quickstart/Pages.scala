// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.lang.management.ManagementFactory
import java.util.concurrent.TimeUnit

import akka.actor.{Address, ExtendedActorSystem}
import akka.cluster.Cluster
import io.netty.handler.codec.http.{HttpHeaderNames, HttpMethod, HttpResponseStatus}
import io.netty.handler.codec.http.cookie.{DefaultCookie, ServerCookieEncoder}

/** The routes of the application. */
object Pages {
  private val HourInMs = 3600 * 1000

  def routes(app: App): Seq[Route] = {
    def get(path: String)(answer: Exchange => Unit) = Route(HttpMethod.GET, path)(answer)

    Seq(
      get("/")(home(app, _)),
      get("/trivial")(_.text("ok\n")),
      get("/slow") { exchange => pieces(exchange, 10, exchange.number("ms", 3000, HourInMs) / 10) },
      get("/stream") { exchange => pieces(exchange, exchange.number("n", 10, 1000000), exchange.number("ms", 200, HourInMs)) },
      get("/client")(client(app, _)),
      get("/members") { exchange => exchange.json(members(app)) },
      get("/state") { exchange =>
        exchange.parameter("set").foreach(State.value = _)
        exchange.json(Json("value" -> State.value))
      },
      get("/echo")(WebSockets.open(_, new EchoFrames)),
      // A route that only this release has: a routes.cache from another one hides it.
      get(s"/only/${app.release.name}")(_.text(app.release.name + "\n"))
    ) ++ app.settings.metricsApiKey.map { key => get("/xitrum/metrics/viewer")(metrics(key, _)) } ++ SockJs.routes(app)
  }

  private def home(app: App, exchange: Exchange): Unit =
    if (app.release.fault.contains("page")) throw new IllegalStateException(s"Release ${app.release.name} was built to fail at its pages")
    else {
      val settings = app.settings
      val visits   = app.session.visits(exchange.cookie(settings.cookieName)) + 1
      val cookie   = new DefaultCookie(settings.cookieName, app.session.write(visits))
      cookie.setPath("/")
      cookie.setHttpOnly(true)
      settings.cookieMaxAge.foreach(cookie.setMaxAge)
      exchange.html(
        s"""<!DOCTYPE html>
           |<html lang="en"><head><meta charset="UTF-8"><title>Demo</title>
           |<meta name="release" content="${app.release.name}">
           |<meta name="instance" content="${settings.instance}">
           |<meta name="visits" content="$visits">
           |</head><body>
           |<h1>Release ${app.release.name} on ${settings.instance}</h1>
           |<p>Visit number $visits of this session.</p>
           |</body></html>
           |""".stripMargin,
        HttpHeaderNames.SET_COOKIE -> ServerCookieEncoder.STRICT.encode(cookie)
      )
    }

  private def client(app: App, exchange: Exchange): Unit = {
    val origin = exchange.origin
    exchange.json(Json(
      "client" -> origin.clientAddress, "peer" -> origin.peer.getHostAddress, "scheme" -> origin.scheme, "host" -> origin.host,
      "url" -> origin.url(exchange.path), "release" -> app.release.name, "instance" -> app.settings.instance,
      "forwarded_for" -> Option(exchange.headers.get("X-Forwarded-For"))
    ))
  }

  private def members(app: App): String = {
    def member(address: Address, status: String, reachable: Boolean) =
      Map[String, Any]("address" -> address.toString, "status" -> status, "reachable" -> reachable)

    if (app.sockJs.clustered) {
      val cluster = Cluster(app.system)
      val down    = cluster.state.unreachable
      Json("cluster" -> true, "self" -> cluster.selfAddress.toString,
        "members" -> cluster.state.members.toSeq.map(one => member(one.address, one.status.toString, !down(one))))
    } else {
      val self = app.system.asInstanceOf[ExtendedActorSystem].provider.getDefaultAddress
      Json("cluster" -> false, "self" -> self.toString, "members" -> Seq(member(self, "Up", reachable = true)))
    }
  }

  private def metrics(key: String, exchange: Exchange): Unit =
    if (exchange.parameter("api_key").contains(key)) {
      val heap = ManagementFactory.getMemoryMXBean.getHeapMemoryUsage
      exchange.html(s"<!DOCTYPE html>\n<title>Metrics</title>\n<p>Heap: ${heap.getUsed} of ${heap.getMax} bytes</p>\n")
    } else exchange.respond(HttpResponseStatus.UNAUTHORIZED, "text/plain", "Unauthorized\n")

  /** Sends numbered lines, each after a pause: an answer that a stop in the middle cuts. */
  private def pieces(exchange: Exchange, count: Int, pauseMs: Int): Unit = {
    def after(pause: Int)(action: => Unit): Unit = {
      val task: Runnable = () => if (exchange.channel.isActive) action
      exchange.channel.eventLoop.schedule(task, pause.toLong, TimeUnit.MILLISECONDS)
      ()
    }
    def from(number: Int): Unit =
      if (number > count) exchange.end()
      else after(pauseMs) { exchange.chunk(s"$number of $count\n"); from(number + 1) }

    exchange.begin("text/plain; charset=UTF-8")
    from(1)
  }
}
