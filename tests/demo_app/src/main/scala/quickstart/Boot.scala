// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import akka.actor.ActorSystem
import org.slf4j.LoggerFactory

object Boot {
  private val log = LoggerFactory.getLogger("quickstart.Boot")

  def main(args: Array[String]): Unit = {
    val release = Release.load()
    try {
      release.fault.foreach(misbehave(release, _))
      start(release)
    } catch {
      case error: FatalError =>
        log.error(error.getMessage, error.getCause)
        System.exit(-1)
    }
  }

  private def start(release: Release): Unit = {
    val settings = Settings.load()
    // Before the actor system: a folder that cannot be written ends the process without its shutdown.
    Router.prepare(settings.tmpDir)
    if (settings.secureKey == Settings.ExampleSecureKey)
      log.warn("secureKey in config/xitrum.conf is the public example: set your own")

    val app = new App(settings, release, ActorSystem("xitrum", settings.config))
    new Server(app).start()
    val mode = if (System.getProperty("xitrum.mode") == "production") "production" else "development"
    log.info(s"Xitrum demo started in $mode mode")
  }

  /** The faults that the packaging can build into a release; `page` is met in Pages. */
  private def misbehave(release: Release, fault: String): Unit = fault match {
    case "start" =>
      Thread.sleep(2000)
      log.error(s"Release ${release.name} was built to fail at start")
      System.exit(1)
    case "hang" =>
      log.warn(s"Release ${release.name} was built never to listen")
      Thread.sleep(Long.MaxValue)
    case _ =>
  }
}
