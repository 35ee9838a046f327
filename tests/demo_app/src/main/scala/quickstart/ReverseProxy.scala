// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.net.InetAddress

/** The block `reverseProxy`; `baseUrl` is the path under which the proxy shows the application ("" for none). */
final case class ReverseProxy(ips: List[AddressRange], baseUrl: String, proxyProtocol: Boolean) {
  def trusts(address: InetAddress): Boolean = ips.exists(_.contains(address))
}

/** An address, or a network as ADDRESS/BITS. */
final case class AddressRange(network: Array[Byte], bits: Int) {
  def contains(address: InetAddress): Boolean = {
    val bytes = address.getAddress
    bytes.length == network.length && AddressRange.prefix(bytes, bits) == AddressRange.prefix(network, bits)
  }
}

object AddressRange {
  def parse(text: String): AddressRange = text.split("/", 2) match {
    case Array(address)         => whole(address)
    case Array(network, length) => whole(network).copy(bits = length.toInt)
    case _                      => throw new IllegalArgumentException(s"xitrum.reverseProxy.ips: not an address or ADDRESS/BITS: $text")
  }

  private def whole(address: String): AddressRange = {
    val bytes = InetAddress.getByName(address).getAddress
    AddressRange(bytes, bytes.length * 8)
  }

  private def prefix(bytes: Array[Byte], bits: Int): BigInt = BigInt(1, bytes) >> (bytes.length * 8 - bits)
}
