// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.net.{InetAddress, URI}
import java.nio.file.{Files, Path, Paths}
import scala.jdk.CollectionConverters._
import scala.util.Try

import com.typesafe.config.{Config, ConfigFactory}

/** The settings that xitrum.conf gives, under the keys of Xitrum 3.31. `root` is the folder that holds `config/` and `public/`. */
final class Settings(val config: Config, val root: Path) {
  private val xitrum = config.getConfig("xitrum")

  private def optional[A](path: String)(read: String => A): Option[A] =
    if (xitrum.hasPath(path)) Some(read(path)) else None

  val interface: Option[String]   = optional("interface")(xitrum.getString)
  val httpPort: Option[Int]       = optional("port.http")(xitrum.getInt)
  val httpsPort: Option[Int]      = optional("port.https")(xitrum.getInt)
  val flashPolicyPort: Option[Int] = optional("port.flashSocketPolicy")(xitrum.getInt)
  val edgeTriggeredEpoll: Boolean = optional("edgeTriggeredEpoll")(xitrum.getBoolean).getOrElse(false)

  val tmpDir: Path = Paths.get(optional("tmpDir")(xitrum.getString).getOrElse(System.getProperty("java.io.tmpdir")))

  val cookieName: String         = xitrum.getString("session.cookieName")
  val cookieMaxAge: Option[Long] = optional("session.cookieMaxAge")(xitrum.getLong)
  val secureKey: String          = xitrum.getString("session.secureKey")

  val metricsApiKey: Option[String] = optional("metrics")(_ => xitrum.getString("metrics.apiKey"))

  /** Realm, user name, password. */
  val basicAuth: Option[(String, String, String)] = optional("basicAuth") { _ =>
    (xitrum.getString("basicAuth.realm"), xitrum.getString("basicAuth.username"), xitrum.getString("basicAuth.password"))
  }

  val reverseProxy: Option[ReverseProxy] = optional("reverseProxy") { _ =>
    ReverseProxy(
      ips           = xitrum.getStringList("reverseProxy.ips").asScala.map(AddressRange.parse).toList,
      baseUrl       = xitrum.getString("reverseProxy.baseUrl"),
      proxyProtocol = optional("reverseProxy.proxyProtocol")(xitrum.getBoolean).getOrElse(false)
    )
  }

  val maxInitialLineLength: Int = xitrum.getInt("request.maxInitialLineLength")
  val maxHeaderSize: Int        = xitrum.getInt("request.maxHeaderSize")
  val maxRequestBytes: Int      = xitrum.getInt("request.maxSizeInMB") * 1024 * 1024
  val autoGzip: Boolean         = xitrum.getBoolean("response.autoGzip")
  val staticPath                = xitrum.getString("staticFile.pathRegex").r.unanchored
  val staticRevalidate: Boolean = xitrum.getBoolean("staticFile.revalidate")

  def useOpenSsl: Boolean = optional("https.openSSL")(xitrum.getBoolean).getOrElse(false)
  def certChainFile: Path = Paths.get(xitrum.getString("https.certChainFile"))
  def keyFile: Path       = Paths.get(xitrum.getString("https.keyFile"))

  /** HOST:PORT, to distinguish instances; the port is the HTTP one where there is one. */
  val instance: String = s"${Settings.hostName}:${httpPort.orElse(httpsPort).getOrElse(0)}"
}

object Settings {
  /** The key that the new-project skeleton of Xitrum ships: public, so a server that runs with it warns. */
  val ExampleSecureKey = "ajconghoaofuxahoi92chunghiaujivietnamlasdoclapjfltudoil98hanhphucup8"

  def load(): Settings = {
    val resource = Option(getClass.getResource("/xitrum.conf")).getOrElse(
      throw new FatalError("xitrum.conf is not in the class path: start with script/runner, from a folder that has config/xitrum.conf"))
    val folder = Paths.get(new URI(resource.toString)).getParent
    if (folder.getFileName.toString != "config")
      throw new FatalError(s"The folder of xitrum.conf must be called config, so that the root can be found: it is $folder")
    // A base name, not the default load: -Dconfig.file is ignored that way, as measured with Xitrum.
    new Settings(ConfigFactory.load("application"), folder.getParent)
  }

  /** From the kernel first: a lookup of the own name can wait for a DNS server. */
  private def hostName: String =
    Try(new String(Files.readAllBytes(Paths.get("/proc/sys/kernel/hostname")), "UTF-8").trim).filter(_.nonEmpty)
      .orElse(Try(InetAddress.getLocalHost.getHostName)).getOrElse("localhost")
}

/** A condition that ends the process with code 255. */
final class FatalError(message: String, cause: Throwable = null) extends RuntimeException(message, cause)
