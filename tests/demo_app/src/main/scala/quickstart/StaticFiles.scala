// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.nio.channels.FileChannel
import java.nio.file.{Files, Path, StandardOpenOption}

import io.netty.handler.codec.http._
import io.netty.handler.stream.ChunkedNioFile

/** The files under `public/`, for the paths that `staticFile.pathRegex` matches. */
final class StaticFiles(settings: Settings) {
  private val public = settings.root.resolve("public")

  /** False where the request is not for a file that exists. */
  def answer(exchange: Exchange): Boolean = {
    // Compared without following links: public/ may itself be a link into a release.
    val file  = public.resolve(exchange.path.dropWhile(_ == '/')).normalize
    val found = (exchange.method == HttpMethod.GET || exchange.method == HttpMethod.HEAD) &&
      settings.staticPath.matches(exchange.path) && file.startsWith(public) && Files.isRegularFile(file)
    if (found) send(exchange, file)
    found
  }

  private def send(exchange: Exchange, file: Path): Unit = {
    val response = new DefaultHttpResponse(exchange.request.protocolVersion, HttpResponseStatus.OK)
    val age      = if (settings.staticRevalidate) "no-cache" else "public, max-age=31536000"
    exchange.fill(response, StaticFiles.contentType(file), Seq(HttpHeaderNames.CACHE_CONTROL -> age))
    HttpUtil.setContentLength(response, Files.size(file))
    exchange.channel.write(response)
    if (exchange.method == HttpMethod.HEAD) exchange.channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
    else exchange.channel.writeAndFlush(new HttpChunkedInput(new ChunkedNioFile(FileChannel.open(file, StandardOpenOption.READ))))
  }
}

object StaticFiles {
  private def contentType(file: Path): String = file.getFileName.toString.split('.').last match {
    case "html" | "htm"           => "text/html; charset=UTF-8"
    case "txt"                    => "text/plain; charset=UTF-8"
    case "css"                    => "text/css; charset=UTF-8"
    case "js"                     => "text/javascript; charset=UTF-8"
    case kind @ ("png" | "gif")   => s"image/$kind"
    case "jpg" | "jpeg"           => "image/jpeg"
    case "svg"                    => "image/svg+xml"
    case _                        => "application/octet-stream"
  }
}
