// Copyright (c) 2026, the xitrum.host maintainers
// SPDX-License-Identifier: GPL-3.0-or-later
package quickstart

import scala.concurrent.{ExecutionContext, Future}
import scala.concurrent.duration._

import akka.actor.{ActorRef, ActorSystem, Props, RootActorPath}
import akka.cluster.{Cluster, MemberStatus}
import akka.pattern.ask
import akka.util.Timeout

/** Finds a session, on this node or, where the nodes share their sessions, on any member of the cluster.
  *
  * They share them where the provider is written as its class name: the stock "cluster" keeps them apart, as measured.
  */
final class SockJsDirectory(system: ActorSystem) {
  import SockJsSession._

  private implicit val executor: ExecutionContext = system.dispatcher
  private implicit val timeout: Timeout           = 5.seconds

  private val local = system.actorOf(Props(new SockJsRegistry), "sockjs")

  private val provider = system.settings.config.getString("akka.actor.provider")
  private val shared   = provider == "akka.cluster.ClusterActorRefProvider"

  val clustered: Boolean = shared || provider == "cluster"

  def find(id: String): Future[Option[ActorRef]] =
    if (shared) findInCluster(id) else ask(local, Find(id)).mapTo[Found].map(_.session)

  def open(id: String): Future[ActorRef] = find(id).flatMap {
    case Some(session) => Future.successful(session)
    case None          => ask(local, Open(id)).mapTo[Found].map(_.session.get)
  }

  /** Never answers on a node that has not joined: its requests hang, as in Xitrum. */
  private def findInCluster(id: String): Future[Option[ActorRef]] = {
    val cluster = Cluster(system)
    if (cluster.selfMember.status != MemberStatus.Up) Future.never
    else {
      val reachable = cluster.state.members.filter(_.status == MemberStatus.Up) -- cluster.state.unreachable
      Future.traverse(reachable.toList) { member =>
        system.actorSelection(RootActorPath(member.address) / "user" / "sockjs").ask(Find(id)).mapTo[Found]
      }.map(_.flatMap(_.session).headOption)
    }
  }
}
