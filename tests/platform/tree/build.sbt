// The application's build.
organization := "com.example"

name := "shop"

scalaVersion := "2.13.18"

libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0"   // the framework

/* A word on deployment: addCommandAlias("stage", "x") is what a platform may want. */
XitrumPackage.copy("config", "public", "script")
