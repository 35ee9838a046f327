// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import sbt.*
import sbt.Keys.*

/** Has the keys of xitrum-package 2.0: a task that lays a package out in target/xitrum, whether to skip it, and what to copy. */
object XitrumPackage extends AutoPlugin {
  object autoImport {
    val xitrumPackage = taskKey[Unit]("Makes target/xitrum of the jars and of what is copied")
    val xitrumSkip    = settingKey[Boolean]("Whether this project has no package")
    val xitrumCopies  = settingKey[Seq[String]]("Files and folders that go into the package")
  }
  import autoImport.*

  override def trigger = allRequirements
  override def requires = plugins.JvmPlugin

  def copy(names: String*): Seq[Setting[?]] = Seq(xitrumSkip := false, xitrumCopies := names)
  def skip: Seq[Setting[?]] = Seq(xitrumSkip := true, xitrumCopies := Nil)

  override def projectSettings: Seq[Setting[?]] = skip ++ Seq(
    xitrumPackage := {
      val own     = (Compile / packageBin).value
      val libs    = (Runtime / dependencyClasspathAsJars).value.map(_.data)
      val made    = target.value / "xitrum"
      val isEmpty = xitrumSkip.value
      if (!isEmpty) {
        IO.delete(made)
        (own +: libs).foreach(jar => IO.copyFile(jar, made / "lib" / jar.getName))
        xitrumCopies.value.foreach(name => copyTree(baseDirectory.value / name, made / name))
      }
    }
  )

  private def copyTree(from: File, to: File): Unit =
    if (from.isDirectory) IO.listFiles(from).foreach(child => copyTree(child, to / child.getName))
    else if (from.exists) {
      IO.copyFile(from, to)
      to.setExecutable(from.canExecute)
    }
}
