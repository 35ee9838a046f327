addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")
