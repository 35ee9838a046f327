// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import akka.actor.ActorSystem

/** What every request needs. */
final class App(val settings: Settings, val release: Release, val system: ActorSystem) {
  val session = new Session(settings.secureKey)
  val sockJs  = new SockJsDirectory(system)
  val router: Router = Router.open(Pages.routes(this), settings.tmpDir)
}
