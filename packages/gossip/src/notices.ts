/**
 * What a member of the gossip has to report about others and itself, with a sentence for the operator. A closed
 * set: it is a metric label and the content of the reference page.
 */
export const SWIM_NOTICES = {
  "name-conflict":
    "Another machine uses a name that is taken; its news is ignored until the first one is gone.",
  "unusable-alive": "A member introduces itself without a name or with versions that nobody can speak.",
  "implausible-incarnation": "News carries an incarnation so high that nobody could contradict it; ignored.",
  "table-full": "A member more than the table holds introduced itself; it stays unknown here.",
  "wrong-target": "A ping was meant for another member: an address changed hands, or a table is stale.",
  "incompatible-versions": "An exchange of tables was dropped: somebody in it speaks other versions.",
  "exchange-failed": "A member could not be reached over TCP, or answered with something else.",
  "nobody-to-tell":
    "An application message was for a member that is not alive, or came before the start; it was not sent.",
  "broadcast-dropped": "The application tells more at once than is kept; what was told most was given up.",
  "user-state-too-large":
    "The application's state is larger than others would read; a table went without it.",
  refuted: "Somebody took this member for dead or suspect, and was told that it lives.",
  stalled: "This member was not running for a while; what it did not hear meanwhile is held against nobody.",
} as const;

export type SwimNotice = keyof typeof SWIM_NOTICES;
