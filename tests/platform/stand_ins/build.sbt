// What a project needs and no public registry has, with the same names and keys: the packaging plugin for sbt 1.x, and Xitrum.
ThisBuild / organization := "tv.cntt"
ThisBuild / Compile / packageDoc / publishArtifact := false
ThisBuild / Compile / packageSrc / publishArtifact := false

lazy val plugin = project.settings(name := "xitrum-package", version := "2.0.0", sbtPlugin := true)

lazy val xitrum = project.settings(name := "xitrum", version := "3.31.0", scalaVersion := "2.13.18")
