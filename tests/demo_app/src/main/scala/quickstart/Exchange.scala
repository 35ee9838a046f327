// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.io.ByteArrayOutputStream
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.Files
import java.util.zip.GZIPOutputStream

import scala.jdk.CollectionConverters._

import io.netty.buffer.Unpooled
import io.netty.channel.{Channel, ChannelFuture}
import io.netty.handler.codec.http._
import io.netty.handler.codec.http.cookie.ServerCookieDecoder
import org.slf4j.LoggerFactory

/** One request and the ways to answer it. The body is read at once, so that the answer may come later. */
final class Exchange(val channel: Channel, val request: FullHttpRequest, app: App) {
  private val started = System.nanoTime
  private val query   = new QueryStringDecoder(request.uri)
  private val version = request.protocolVersion

  val method: HttpMethod   = request.method
  val headers: HttpHeaders = request.headers
  val path: String         = query.path
  val body: String         = request.content.toString(UTF_8)
  val origin               = new Origin(channel, headers, app.settings)

  def parameter(name: String): Option[String] = first(query, name)

  def formParameter(name: String): Option[String] = first(new QueryStringDecoder(body, UTF_8, false), name)

  def number(name: String, default: Int, max: Int): Int =
    parameter(name).flatMap(_.toIntOption).filter(n => n >= 0 && n <= max).getOrElse(default)

  def cookie(name: String): Option[String] =
    Option(headers.get(HttpHeaderNames.COOKIE))
      .flatMap(ServerCookieDecoder.STRICT.decode(_).asScala.find(_.name == name)).map(_.value)

  def respond(status: HttpResponseStatus, contentType: String, text: String, more: (CharSequence, String)*): Unit = {
    val plain  = text.getBytes(UTF_8)
    val zipped = app.settings.autoGzip && plain.length >= Exchange.GzipFrom &&
      Option(headers.get(HttpHeaderNames.ACCEPT_ENCODING)).exists(_.contains("gzip"))
    val bytes    = if (zipped) Exchange.gzip(plain) else plain
    val response = new DefaultFullHttpResponse(version, status, Unpooled.wrappedBuffer(bytes))
    fill(response, contentType, more)
    if (zipped) response.headers.set(HttpHeaderNames.CONTENT_ENCODING, HttpHeaderValues.GZIP)
    if (status != HttpResponseStatus.NO_CONTENT) HttpUtil.setContentLength(response, bytes.length.toLong)
    channel.writeAndFlush(response)
    record(status)
  }

  def html(text: String, more: (CharSequence, String)*): Unit = respond(HttpResponseStatus.OK, "text/html; charset=UTF-8", text, more: _*)
  def text(text: String): Unit                                = respond(HttpResponseStatus.OK, "text/plain; charset=UTF-8", text)
  def json(text: String): Unit                                = respond(HttpResponseStatus.OK, "application/json; charset=UTF-8", text)

  /** With the application's own page, as Xitrum does. */
  def notFound(): Unit = {
    val page = app.settings.root.resolve("public").resolve("404.html")
    val text = if (Files.isReadable(page)) new String(Files.readAllBytes(page), UTF_8) else "Not found\n"
    respond(HttpResponseStatus.NOT_FOUND, "text/html; charset=UTF-8", text)
  }

  /** Begins an answer whose parts come later, by chunk and end. */
  def begin(contentType: String, more: (CharSequence, String)*): Unit = {
    val response = new DefaultHttpResponse(version, HttpResponseStatus.OK)
    fill(response, contentType, more)
    if (version.isKeepAliveDefault) HttpUtil.setTransferEncodingChunked(response, true)
    channel.writeAndFlush(response)
  }

  def chunk(text: String): ChannelFuture = channel.writeAndFlush(new DefaultHttpContent(Unpooled.copiedBuffer(text, UTF_8)))

  def end(): Unit = {
    channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
    record(HttpResponseStatus.OK)
  }

  def fill(response: HttpResponse, contentType: String, more: Seq[(CharSequence, String)]): Unit = {
    response.headers.set(HttpHeaderNames.CONTENT_TYPE, contentType)
    response.headers.set("X-Demo-Release", app.release.name).set("X-Demo-Instance", app.settings.instance)
    more.foreach { case (name, value) => response.headers.set(name, value) }
  }

  private def first(from: QueryStringDecoder, name: String): Option[String] =
    Option(from.parameters.get(name)).flatMap(_.asScala.headOption)

  private def record(status: HttpResponseStatus): Unit =
    Exchange.log.info(s"${origin.clientAddress} $method $path -> ${status.code}, ${(System.nanoTime - started) / 1000000} [ms]")
}

object Exchange {
  private val log      = LoggerFactory.getLogger("quickstart.Access")
  private val GzipFrom = 1024

  private def gzip(bytes: Array[Byte]): Array[Byte] = {
    val out  = new ByteArrayOutputStream
    val gzip = new GZIPOutputStream(out)
    gzip.write(bytes)
    gzip.close()
    out.toByteArray
  }
}
