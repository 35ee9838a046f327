// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package xitrum

/** Reports that it was started, by what, and where. */
object Server {
  def start(): Unit = println(s"Started in ${sys.props("user.dir")} in ${sys.props("xitrum.mode")} mode")
}
