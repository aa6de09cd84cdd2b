/** RFC 4271 §8.2.2. */
export type BgpState = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";

/** What may happen to a connection, with the numbers of RFC 4271 §8.1. Optional ones that we do not have are left out. */
export type BgpEvent =
  | "start" // 1 ManualStart, 3 AutomaticStart
  | "start-passive" // 4, 5: the same, to wait for the peer
  | "stop" // 2 ManualStop, 8 AutomaticStop
  | "restart" // we go and come back, and our routes are to stay (RFC 4724 §4.1)
  | "retry-expires" // 9 ConnectRetryTimer_Expires
  | "hold-expires" // 10 HoldTimer_Expires
  | "keepalive-expires" // 11 KeepaliveTimer_Expires
  | "delay-expires" // 12 DelayOpenTimer_Expires
  | "connected" // 16 Tcp_CR_Acked, 17 TcpConnectionConfirmed
  | "connected-delayed" // the same with DelayOpen
  | "failed" // 18 TcpConnectionFails
  | "open" // 19 BGPOpen
  | "open-delayed" // 20 BGPOpen with DelayOpenTimer running
  | "header-error" // 21 BGPHeaderErr
  | "open-error" // 22 BGPOpenMsgErr
  | "collision" // 23 OpenCollisionDump
  | "version-error" // 24 NotifMsgVerErr
  | "notification" // 25 NotifMsg
  | "keepalive" // 26 KeepAliveMsg
  | "update" // 27 UpdateMsg
  | "update-error" // 28 UpdateMsgErr, and what is wrong with a ROUTE-REFRESH (RFC 7313 §5)
  | "route-refresh" // RFC 2918
  | "peer-down"; // BFD says so (RFC 5882 §4.4)

export type BgpAction =
  | "dial" // initiate a connection; ConnectRetryTimer runs as long as it may take
  | "stop-retry" // ConnectRetryTimer off
  | "wait" // one failure more; ConnectRetryTimer runs until the next try, and the peer may come first
  | "hold-off" // one failure more; IdleHoldTimer runs until the next try, and the peer is refused until then
  | "rest" // no timer runs, and failures are forgotten
  | "drop" // close the connection, its timers off
  | "delay-open" // DelayOpenTimer runs until we introduce ourselves
  | "send-open" // DelayOpenTimer off; wait for the other one; HoldTimer runs for so long
  | "agree" // send KEEPALIVE; HoldTimer and KeepaliveTimer run as negotiated
  | "send-keepalive" // and run KeepaliveTimer again
  | "heard" // run HoldTimer again
  | "announce" // tell all that is wanted
  | "announce-again" // tell a family again
  | "notify" // send the NOTIFICATION that belongs to what happened
  | "complain"; // send NOTIFICATION "finite state machine error" for this state (RFC 6608)

export interface Step {
  readonly next: BgpState;
  /** In order. The state is the next one already. */
  readonly actions: readonly BgpAction[];
}

function to(next: BgpState, ...actions: readonly BgpAction[]): Step {
  return { next, actions };
}

const LOST = to("idle", "drop", "hold-off");
const REFUSED = to("idle", "notify", "drop", "hold-off");
const UNEXPECTED = to("idle", "complain", "drop", "hold-off");
const STOPPED = to("idle", "notify", "drop", "rest");
const VANISHED = to("idle", "drop", "rest");

const IDLE = to("idle");
const CONNECT = to("connect");
const ACTIVE = to("active");

/**
 * RFC 4271 §8.2.2, whole. Where it says otherwise:
 * - A connection that cannot be made leads to Active, not to Idle, as with DelayOpen: the peer may come meanwhile. So does one
 *   that takes too long, which the RFC would begin anew at once: a peer that is silent is tried as often as one that refuses.
 * - One that is made and waits for its OPEN (DelayOpen) is in Connect if we made it, and in Active if the peer did, as there.
 *   The wrong version leads to Idle like other errors then: one failure more. Who has not sent an OPEN sends no NOTIFICATION.
 * - A NOTIFICATION is never answered with one; in OpenSent the RFC would.
 * - Another connection in OpenSent or later is not an event here: it has a machine of its own until one of both has to go
 *   (§6.8, "collision"). A second OPEN on the same connection is unexpected.
 * - IdleHoldTimer (DampPeerOscillations) is the session's; when it expires, the event is "start".
 */
export const TRANSITIONS: Readonly<Record<BgpState, Readonly<Record<BgpEvent, Step>>>> = {
  idle: {
    start: to("connect", "dial"),
    "start-passive": ACTIVE,
    stop: to("idle", "rest"),
    restart: to("idle", "rest"),
    "retry-expires": IDLE,
    "hold-expires": IDLE,
    "keepalive-expires": IDLE,
    "delay-expires": IDLE,
    connected: IDLE,
    "connected-delayed": IDLE,
    failed: IDLE,
    open: IDLE,
    "open-delayed": IDLE,
    "header-error": IDLE,
    "open-error": IDLE,
    collision: IDLE,
    "version-error": IDLE,
    notification: IDLE,
    keepalive: IDLE,
    update: IDLE,
    "update-error": IDLE,
    "route-refresh": IDLE,
    "peer-down": IDLE,
  },
  connect: {
    start: CONNECT,
    "start-passive": CONNECT,
    stop: VANISHED,
    restart: VANISHED,
    "retry-expires": to("active", "drop", "wait"),
    "hold-expires": LOST,
    "keepalive-expires": LOST,
    "delay-expires": to("open-sent", "send-open"),
    connected: to("open-sent", "stop-retry", "send-open"),
    "connected-delayed": to("connect", "stop-retry", "delay-open"),
    failed: to("active", "drop", "wait"),
    open: LOST,
    "open-delayed": to("open-confirm", "send-open", "agree"),
    "header-error": LOST,
    "open-error": LOST,
    collision: LOST,
    "version-error": LOST,
    notification: LOST,
    keepalive: LOST,
    update: LOST,
    "update-error": LOST,
    "route-refresh": LOST,
    "peer-down": CONNECT,
  },
  active: {
    start: ACTIVE,
    "start-passive": ACTIVE,
    stop: VANISHED,
    restart: VANISHED,
    "retry-expires": to("connect", "dial"),
    "hold-expires": LOST,
    "keepalive-expires": LOST,
    "delay-expires": to("open-sent", "send-open"),
    connected: to("open-sent", "stop-retry", "send-open"),
    "connected-delayed": to("active", "stop-retry", "delay-open"),
    failed: LOST,
    open: LOST,
    "open-delayed": to("open-confirm", "send-open", "agree"),
    "header-error": LOST,
    "open-error": LOST,
    collision: LOST,
    "version-error": LOST,
    notification: LOST,
    keepalive: LOST,
    update: LOST,
    "update-error": LOST,
    "route-refresh": LOST,
    "peer-down": ACTIVE,
  },
  "open-sent": {
    start: to("open-sent"),
    "start-passive": to("open-sent"),
    stop: STOPPED,
    restart: VANISHED,
    "retry-expires": UNEXPECTED,
    "hold-expires": REFUSED,
    "keepalive-expires": UNEXPECTED,
    "delay-expires": UNEXPECTED,
    connected: to("open-sent"),
    "connected-delayed": to("open-sent"),
    failed: to("active", "drop", "wait"),
    open: to("open-confirm", "agree"),
    "open-delayed": UNEXPECTED,
    "header-error": REFUSED,
    "open-error": REFUSED,
    collision: REFUSED,
    "version-error": LOST,
    notification: LOST,
    keepalive: UNEXPECTED,
    update: UNEXPECTED,
    "update-error": UNEXPECTED,
    "route-refresh": UNEXPECTED,
    "peer-down": REFUSED,
  },
  "open-confirm": {
    start: to("open-confirm"),
    "start-passive": to("open-confirm"),
    stop: STOPPED,
    restart: VANISHED,
    "retry-expires": UNEXPECTED,
    "hold-expires": REFUSED,
    "keepalive-expires": to("open-confirm", "send-keepalive"),
    "delay-expires": UNEXPECTED,
    connected: to("open-confirm"),
    "connected-delayed": to("open-confirm"),
    failed: LOST,
    open: UNEXPECTED,
    "open-delayed": UNEXPECTED,
    "header-error": REFUSED,
    "open-error": REFUSED,
    collision: REFUSED,
    "version-error": LOST,
    notification: LOST,
    keepalive: to("established", "heard", "announce"),
    update: UNEXPECTED,
    "update-error": UNEXPECTED,
    "route-refresh": UNEXPECTED,
    "peer-down": REFUSED,
  },
  established: {
    start: to("established"),
    "start-passive": to("established"),
    stop: STOPPED,
    restart: VANISHED,
    "retry-expires": UNEXPECTED,
    "hold-expires": REFUSED,
    "keepalive-expires": to("established", "send-keepalive"),
    "delay-expires": UNEXPECTED,
    connected: to("established"),
    "connected-delayed": to("established"),
    failed: LOST,
    open: UNEXPECTED,
    "open-delayed": UNEXPECTED,
    "header-error": REFUSED,
    "open-error": REFUSED,
    collision: REFUSED,
    "version-error": LOST,
    notification: LOST,
    keepalive: to("established", "heard"),
    update: to("established", "heard"),
    "update-error": REFUSED,
    "route-refresh": to("established", "announce-again"),
    "peer-down": REFUSED,
  },
};
