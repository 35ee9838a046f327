// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.util.Properties

/** What the packaging wrote into the application's jar: the release's name, and the fault that a test requested. */
final case class Release(name: String, fault: Option[String])

object Release {
  def load(): Release = {
    val properties = new Properties
    Option(getClass.getResourceAsStream("/demo.properties")).foreach { in =>
      try properties.load(in) finally in.close()
    }
    Release(properties.getProperty("release", "unpackaged"), Option(properties.getProperty("fault")))
  }
}
