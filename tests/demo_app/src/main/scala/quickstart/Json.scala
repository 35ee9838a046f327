// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import scala.jdk.CollectionConverters._
import com.typesafe.config._

/** JSON by the configuration library, which both reads and writes it. */
object Json {
  def apply(fields: (String, Any)*): String =
    ConfigValueFactory.fromMap(fields.toMap.map { case (name, value) => name -> plain(value) }.asJava).render(ConfigRenderOptions.concise)

  def array(items: Seq[String]): String = ConfigValueFactory.fromIterable(items.asJava).render(ConfigRenderOptions.concise)

  /** A string, or an array of strings. Throws ConfigException where the text is something else. */
  def parseMessages(text: String): List[String] = {
    val parsed = ConfigFactory.parseString(s"""{"messages":$text}""", ConfigParseOptions.defaults.setSyntax(ConfigSyntax.JSON))
    if (parsed.getValue("messages").valueType == ConfigValueType.STRING) List(parsed.getString("messages"))
    else parsed.getStringList("messages").asScala.toList
  }

  private def plain(value: Any): Any = value match {
    case fields: Map[_, _]  => fields.map { case (name, inner) => name.toString -> plain(inner) }.asJava
    case items: Iterable[_] => items.map(plain).asJava
    case None               => null
    case Some(inner)        => plain(inner)
    case other              => other
  }
}
