// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

/** A value to read and to change from a console that is attached to the running application. */
object State {
  @volatile var value: String = "initial"
}
