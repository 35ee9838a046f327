package quickstart

object Boot {
  def main(args: Array[String]): Unit = xitrum.Server.start()
}
