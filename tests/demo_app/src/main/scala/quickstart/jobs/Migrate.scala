// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart.jobs

import com.typesafe.config.ConfigFactory

/** A one-off command: STEPS EXIT_CODE PAUSE_MS, each of which may be left out. It prints a line for each step. */
object Migrate {
  def main(args: Array[String]): Unit = {
    val numbers = args.map(_.toInt).padTo(3, 0)
    val port    = ConfigFactory.load().getInt("xitrum.port.http")
    println(s"user ${System.getProperty("user.name")}, configured port $port, working in ${System.getProperty("user.dir")}")
    for (step <- 1 to numbers(0)) {
      println(s"step $step of ${numbers(0)}")
      Thread.sleep(numbers(2))
    }
    System.exit(numbers(1))
  }
}
