// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._
import scala.util.control.NonFatal

import io.netty.handler.codec.http.{HttpMethod, HttpResponseStatus}

/** `name` is what tmp/routes.cache lists. A path that ends in a star stands for everything below it. */
final case class Route(method: HttpMethod, path: String)(val answer: Exchange => Unit) {
  val name = s"$method $path"

  def matches(exchange: Exchange): Boolean = {
    val queried = if (exchange.method == HttpMethod.HEAD) HttpMethod.GET else exchange.method
    queried == method && (if (path.endsWith("*")) exchange.path.startsWith(path.dropRight(1)) else exchange.path == path)
  }
}

/** Serves the routes that the cache lists, not those that the release has: a stale cache hides new ones, as in Xitrum. */
final class Router(known: Seq[Route], listed: Set[String]) {
  private val served = known.filter(route => listed(route.name))

  def answer(exchange: Exchange): Unit =
    served.find(_.matches(exchange)) match {
      case Some(route)                                     => route.answer(exchange)
      case None if exchange.method == HttpMethod.OPTIONS   => exchange.respond(HttpResponseStatus.NO_CONTENT, "text/plain", "")
      case None                                            => exchange.notFound()
    }
}

object Router {
  private val CacheName = "routes.cache"

  def prepare(tmpDir: Path): Unit =
    orFatal(tmpDir) {
      Files.createDirectories(tmpDir)
      Files.delete(Files.createTempFile(tmpDir, "writable", null))
    }

  def open(known: Seq[Route], tmpDir: Path): Router =
    orFatal(tmpDir) {
      val cache = tmpDir.resolve(CacheName)
      if (!Files.exists(cache)) Files.write(cache, known.map(_.name).asJava)
      new Router(known, Files.readAllLines(cache).asScala.toSet)
    }

  private def orFatal[A](tmpDir: Path)(use: => A): A =
    try use catch { case NonFatal(error) => throw new FatalError(s"tmpDir ${tmpDir.toAbsolutePath} must be a folder that can be written", error) }
}
