// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import java.net.InetSocketAddress
import java.nio.file.Files
import java.util.concurrent.TimeUnit

import scala.util.control.NonFatal

import io.netty.bootstrap.ServerBootstrap
import io.netty.buffer.Unpooled
import io.netty.channel._
import io.netty.channel.epoll.{EpollEventLoopGroup, EpollServerSocketChannel}
import io.netty.channel.nio.NioEventLoopGroup
import io.netty.channel.socket.SocketChannel
import io.netty.channel.socket.nio.NioServerSocketChannel
import io.netty.handler.codec.haproxy.{HAProxyMessage, HAProxyMessageDecoder}
import io.netty.handler.codec.http.{HttpObjectAggregator, HttpServerCodec, HttpServerKeepAliveHandler}
import io.netty.handler.ssl.{SslContext, SslContextBuilder, SslProvider}
import io.netty.handler.stream.ChunkedWriteHandler
import io.netty.util.NetUtil
import org.slf4j.LoggerFactory

/** The listening sockets. */
final class Server(app: App) {
  private val log      = LoggerFactory.getLogger("quickstart.Server")
  private val settings = app.settings
  private val epoll    = settings.edgeTriggeredEpoll
  private val group    = if (epoll) new EpollEventLoopGroup else new NioEventLoopGroup

  def start(): Unit = {
    stopAbruptlyAtExit()
    settings.httpPort.foreach(listen("HTTP", _)(http(_, None)))
    settings.httpsPort.foreach { port =>
      val tls = tlsContext()
      listen("HTTPS", port)(http(_, Some(tls)))
    }
    settings.flashPolicyPort.foreach(listen("flash socket policy", _)(flashPolicy))
  }

  private def listen(protocol: String, port: Int)(initialize: SocketChannel => Unit): Unit = {
    val address   = settings.interface.fold(new InetSocketAddress(port))(new InetSocketAddress(_, port))
    val bootstrap = new ServerBootstrap().group(group)
      .channel(if (epoll) classOf[EpollServerSocketChannel] else classOf[NioServerSocketChannel])
      // The value of net.core.somaxconn when the JVM started.
      .option[Integer](ChannelOption.SO_BACKLOG, NetUtil.SOMAXCONN)
      .childOption[java.lang.Boolean](ChannelOption.TCP_NODELAY, true)
      .childHandler(new ChannelInitializer[SocketChannel] {
        override def initChannel(channel: SocketChannel): Unit = initialize(channel)
      })
    try bootstrap.bind(address).sync()
    catch { case error: Exception if NonFatal(error) => throw new FatalError(s"Could not open port $port for $protocol server", error) }
    log.info(s"$protocol server started on port $port")
  }

  private def http(channel: SocketChannel, tls: Option[SslContext]): Unit = {
    val pipeline = channel.pipeline
    if (settings.reverseProxy.exists(_.proxyProtocol)) pipeline.addLast(new HAProxyMessageDecoder, new ProxiedPeerReader)
    tls.foreach(context => pipeline.addLast(context.newHandler(channel.alloc)))
    pipeline.addLast(
      new HttpServerCodec(settings.maxInitialLineLength, settings.maxHeaderSize, 8192),
      new HttpServerKeepAliveHandler,
      new HttpObjectAggregator(settings.maxRequestBytes),
      new ChunkedWriteHandler,
      new RequestHandler(app)
    )
    ()
  }

  private def tlsContext(): SslContext =
    try SslContextBuilder.forServer(settings.certChainFile.toFile, settings.keyFile.toFile)
      .sslProvider(if (settings.useOpenSsl) SslProvider.OPENSSL else SslProvider.JDK).build()
    catch { case NonFatal(error) => throw new FatalError(s"Could not read ${settings.certChainFile} and ${settings.keyFile} for HTTPS server", error) }

  private def flashPolicy(channel: SocketChannel): Unit = {
    val policy = Files.readAllBytes(settings.root.resolve("config").resolve("flash_socket_policy.xml"))
    channel.pipeline.addLast(new ChannelInboundHandlerAdapter {
      override def channelActive(ctx: ChannelHandlerContext): Unit = {
        ctx.writeAndFlush(Unpooled.wrappedBuffer(policy)).addListener(ChannelFutureListener.CLOSE)
        ()
      }
    })
    ()
  }

  /** Closes all channels at once, then waits the event loops' quiet period: nothing is drained, as in Xitrum. */
  private def stopAbruptlyAtExit(): Unit =
    Runtime.getRuntime.addShutdownHook(new Thread(() => {
      group.shutdownGracefully().await(4, TimeUnit.SECONDS)
      ()
    }))
}

/** Takes the client's address from the PROXY protocol's header. */
final class ProxiedPeerReader extends SimpleChannelInboundHandler[HAProxyMessage] {
  override def channelRead0(ctx: ChannelHandlerContext, message: HAProxyMessage): Unit = {
    Option(message.sourceAddress).foreach { source =>
      ctx.channel.attr(Origin.ProxiedPeer).set(java.net.InetAddress.getByName(source))
    }
    ctx.pipeline.remove(this)
    ()
  }
}
