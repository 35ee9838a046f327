// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.lang.invoke.SerializedLambda
import java.lang.reflect.{AccessibleObject, Field}
import java.nio.charset.StandardCharsets.UTF_8
import java.security.MessageDigest
import java.util.{ArrayList, Base64}
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec

import scala.util.Try
import scala.util.control.NonFatal

/** A client-side session that counts visits, signed with secureKey: only instances with one key read each other's cookies.
  *
  * It is serialized by reflection into the JDK, as Xitrum's serializer does: from JDK 16 on that needs
  * `--add-opens java.base/java.util` and `java.base/java.lang.invoke`, and fails at the first use without them.
  */
final class Session(secureKey: String) {
  private val key = new SecretKeySpec(secureKey.getBytes(UTF_8), "HmacSHA256")

  private lazy val elements: Field = {
    open(classOf[SerializedLambda].getDeclaredField("capturingClass"))
    open(classOf[ArrayList[String]].getDeclaredField("elementData"))
  }

  private def open[A <: AccessibleObject](member: A): A =
    try { member.setAccessible(true); member }
    catch { case NonFatal(error) => throw new SessionError(error) }

  def visits(cookie: Option[String]): Int = cookie.flatMap(read).getOrElse(0)

  def write(visits: Int): String = {
    val values = new ArrayList[AnyRef]
    values.add(visits.toString)
    val raw = elements.get(values).asInstanceOf[Array[AnyRef]]
    val payload = encode(raw.take(values.size).mkString("\n").getBytes(UTF_8))
    s"$payload.${sign(payload)}"
  }

  private def read(cookie: String): Option[Int] = cookie.split('.') match {
    case Array(payload, signature) if MessageDigest.isEqual(signature.getBytes(UTF_8), sign(payload).getBytes(UTF_8)) =>
      Try(new String(Base64.getUrlDecoder.decode(payload), UTF_8).toInt).toOption
    case _ => None
  }

  private def sign(payload: String): String = {
    val mac = Mac.getInstance("HmacSHA256")
    mac.init(key)
    encode(mac.doFinal(payload.getBytes(UTF_8)))
  }

  private def encode(bytes: Array[Byte]): String = Base64.getUrlEncoder.withoutPadding.encodeToString(bytes)
}

final class SessionError(cause: Throwable) extends RuntimeException("The JDK's own classes are closed to the serializer", cause)
