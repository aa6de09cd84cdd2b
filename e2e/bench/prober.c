/*
 * Measures who answers ARP, or for an IPv6 target neighbour solicitations, and how fast, from an interface of its own
 * network namespace.
 *   prober IFNAME SENDER_IP TARGET_IP latency COUNT PER_SECOND   -> one answer time per line, microseconds; -1: none in 1 s
 *   prober IFNAME SENDER_IP TARGET_IP flood SECONDS PER_SECOND   -> sent answered
 * Replies are counted in the kernel's receive queue of a packet socket, which is made large enough to hold them.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct arp_frame { struct ether_header ethernet; struct ether_arp arp; } __attribute__((packed));
/* A solicitation with the source link-layer address option (RFC 4861 section 4.3); an advertisement begins alike. */
struct ndp_frame {
  struct ether_header ethernet;
  struct ip6_hdr ip;
  struct { uint8_t type, code; uint16_t checksum; uint32_t flags; uint8_t target[16]; } __attribute__((packed)) icmp;
  uint8_t option[8];
} __attribute__((packed));
union frame { struct arp_frame arp; struct ndp_frame ndp; };

static int six;
static uint8_t target[16];

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int is_answer(const union frame *f, ssize_t length) {
  if (!six)
    return length >= (ssize_t)sizeof f->arp && ntohs(f->arp.arp.ea_hdr.ar_op) == ARPOP_REPLY && !memcmp(f->arp.arp.arp_spa, target, 4);
  return length >= (ssize_t)(sizeof f->ndp - sizeof f->ndp.option) && f->ndp.ip.ip6_nxt == IPPROTO_ICMPV6 &&
         f->ndp.icmp.type == ND_NEIGHBOR_ADVERT && !memcmp(f->ndp.icmp.target, target, 16);
}

/* RFC 4443 section 2.3: over addresses, length and next header, then the message. */
static uint16_t checksum(const struct ndp_frame *f) {
  const uint8_t *octets = (const uint8_t *)&f->ip.ip6_src;
  uint32_t sum = ntohs(f->ip.ip6_plen) + IPPROTO_ICMPV6;
  for (size_t i = 0; i < 32u + ntohs(f->ip.ip6_plen); i += 2) sum += octets[i] << 8 | octets[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum);
}

/* @returns its length. */
static size_t request_of(union frame *f, const uint8_t *mac, const char *sender) {
  memset(f, 0, sizeof *f);
  memcpy(f->arp.ethernet.ether_shost, mac, 6);
  if (!six) {
    f->arp.ethernet.ether_type = htons(ETH_P_ARP);
    memset(f->arp.ethernet.ether_dhost, 0xff, 6);
    f->arp.arp.ea_hdr = (struct arphdr){htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)};
    memcpy(f->arp.arp.arp_sha, mac, 6);
    inet_pton(AF_INET, sender, f->arp.arp.arp_spa);
    memcpy(f->arp.arp.arp_tpa, target, 4);
    return sizeof f->arp;
  }
  struct ndp_frame *n = &f->ndp;
  n->ethernet.ether_type = htons(ETH_P_IPV6);
  memcpy(n->ethernet.ether_dhost, (uint8_t[]){0x33, 0x33, 0xff, target[13], target[14], target[15]}, 6);
  n->ip.ip6_flow = htonl(6u << 28);
  n->ip.ip6_plen = htons(sizeof n->icmp + sizeof n->option);
  n->ip.ip6_nxt = IPPROTO_ICMPV6;
  n->ip.ip6_hlim = 255;
  inet_pton(AF_INET6, sender, &n->ip.ip6_src);
  inet_pton(AF_INET6, "ff02::1:ff00:0", &n->ip.ip6_dst);
  memcpy((uint8_t *)&n->ip.ip6_dst + 13, target + 13, 3);
  n->icmp.type = ND_NEIGHBOR_SOLICIT;
  memcpy(n->icmp.target, target, 16);
  n->option[0] = ND_OPT_SOURCE_LINKADDR;
  n->option[1] = 1;
  memcpy(n->option + 2, mac, 6);
  n->icmp.checksum = checksum(n);
  return sizeof *n;
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: prober IFNAME SENDER_IP TARGET_IP latency|flood N PER_SECOND\n"), 2;
  six = strchr(argv[3], ':') != NULL;
  if (inet_pton(six ? AF_INET6 : AF_INET, argv[3], target) != 1) return fprintf(stderr, "%s is no address\n", argv[3]), 2;
  int protocol = htons(six ? ETH_P_IPV6 : ETH_P_ARP), fd = socket(AF_PACKET, SOCK_RAW, protocol), queue = 64 << 20;
  if (fd < 0) return perror("socket"), 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = protocol, .sll_ifindex = if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr *)&at, sizeof at)) return perror("bind"), 1;
  struct ifreq mac = {0};
  strncpy(mac.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &mac)) return perror("SIOCGIFHWADDR"), 1;

  union frame request, reply;
  ssize_t size = request_of(&request, (const uint8_t *)mac.ifr_hwaddr.sa_data, argv[2]);
  long long amount = atoll(argv[5]), gap = 1000000000LL / atoll(argv[6]), due = now_ns();
  if (!strcmp(argv[4], "latency")) {
    for (long long i = 0; i < amount; i++, due += gap) {
      while (now_ns() < due) usleep((due - now_ns()) / 1000 + 1);
      while (recv(fd, &reply, sizeof reply, MSG_DONTWAIT) > 0);
      long long sent = now_ns(), answered = -1;
      send(fd, &request, size, 0);
      while (answered < 0 && now_ns() - sent < 1000000000LL) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, 1000);
        ssize_t length = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);
        if (is_answer(&reply, length)) answered = now_ns();
      }
      printf("%.1f\n", answered < 0 ? -1.0 : (answered - sent) / 1000.0);
    }
    return 0;
  }
  long long end = due + amount * 1000000000LL, sent = 0, answered = 0;
  while (now_ns() < end) {
    for (long long now; due <= (now = now_ns()) && now < end; due += gap) sent += send(fd, &request, size, 0) == size;
    for (ssize_t n; (n = recv(fd, &reply, sizeof reply, MSG_DONTWAIT)) > 0;) answered += is_answer(&reply, n);
    usleep(200);
  }
  for (struct pollfd p = {fd, POLLIN, 0}; poll(&p, 1, 500) > 0;)
    for (ssize_t n; (n = recv(fd, &reply, sizeof reply, MSG_DONTWAIT)) > 0;) answered += is_answer(&reply, n);
  printf("%lld %lld\n", sent, answered);
  return 0;
}
