// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.net.{InetAddress, InetSocketAddress}
import io.netty.channel.Channel
import io.netty.handler.codec.http.{HttpHeaderNames, HttpHeaders}
import io.netty.handler.ssl.SslHandler
import io.netty.util.AttributeKey

/** Where a request came from, by Xitrum's rules. Stock: the forwarding headers are believed from anyone.
  * With `reverseProxy.ips`: only from those peers. The first element of X-Forwarded-For wins.
  */
final class Origin(channel: Channel, headers: HttpHeaders, settings: Settings) {
  /** The other end of the connection, or what the PROXY protocol reported about it. */
  val peer: InetAddress = Option(channel.attr(Origin.ProxiedPeer).get)
    .getOrElse(channel.remoteAddress.asInstanceOf[InetSocketAddress].getAddress)

  private val believed = settings.reverseProxy.forall(_.trusts(peer))

  private def forwarded(name: String): Option[String] =
    if (believed) Option(headers.get(name)).map(_.split(",", 2)(0).trim).filter(_.nonEmpty) else None

  val clientAddress: String = forwarded("X-Forwarded-For").getOrElse(peer.getHostAddress)

  val scheme: String = forwarded("X-Forwarded-Proto").orElse(forwarded("X-Forwarded-Scheme"))
    .orElse(forwarded("X-Forwarded-Ssl").filter(_ == "on").map(_ => "https"))
    .getOrElse(if (channel.pipeline.get(classOf[SslHandler]) == null) "http" else "https")

  /** X-Forwarded-Host is ignored: a proxy passes Host through. */
  val host: String = Option(headers.get(HttpHeaderNames.HOST)).getOrElse("")

  def url(path: String): String = s"$scheme://$host${settings.reverseProxy.fold("")(_.baseUrl)}$path"
}

object Origin {
  val ProxiedPeer: AttributeKey[InetAddress] = AttributeKey.valueOf("proxied peer")
}
