/*
 * Measures who answers ARP, and how fast, from an interface of its own network namespace.
 *   arp-prober IFNAME SENDER_IP TARGET_IP latency COUNT PER_SECOND   -> one answer time per line, microseconds; -1: none in 1 s
 *   arp-prober IFNAME SENDER_IP TARGET_IP flood SECONDS PER_SECOND   -> sent answered
 * Replies are counted in the kernel's receive queue of a packet socket, which is made large enough to hold them.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct frame { struct ether_header ethernet; struct ether_arp arp; } __attribute__((packed));

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int is_answer(const struct frame *f, ssize_t length, const void *target) {
  return length >= (ssize_t)sizeof *f && ntohs(f->arp.ea_hdr.ar_op) == ARPOP_REPLY && !memcmp(f->arp.arp_spa, target, 4);
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: arp-prober IFNAME SENDER_IP TARGET_IP latency|flood N PER_SECOND\n"), 2;
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP)), queue = 64 << 20;
  if (fd < 0) return perror("socket"), 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr *)&at, sizeof at)) return perror("bind"), 1;
  struct ifreq mac = {0};
  strncpy(mac.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &mac)) return perror("SIOCGIFHWADDR"), 1;

  struct frame request = {.ethernet = {.ether_type = htons(ETH_P_ARP)},
                          .arp = {.ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)}}}, reply;
  memset(request.ethernet.ether_dhost, 0xff, 6);
  memcpy(request.ethernet.ether_shost, mac.ifr_hwaddr.sa_data, 6);
  memcpy(request.arp.arp_sha, mac.ifr_hwaddr.sa_data, 6);
  inet_pton(AF_INET, argv[2], request.arp.arp_spa);
  inet_pton(AF_INET, argv[3], request.arp.arp_tpa);

  long long amount = atoll(argv[5]), gap = 1000000000LL / atoll(argv[6]), due = now_ns();
  if (!strcmp(argv[4], "latency")) {
    for (long long i = 0; i < amount; i++, due += gap) {
      while (now_ns() < due) usleep((due - now_ns()) / 1000 + 1);
      while (recv(fd, &reply, sizeof reply, MSG_DONTWAIT) > 0);
      long long sent = now_ns(), answered = -1;
      send(fd, &request, sizeof request, 0);
      while (answered < 0 && now_ns() - sent < 1000000000LL) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, 1000);
        ssize_t length = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);
        if (is_answer(&reply, length, request.arp.arp_tpa)) answered = now_ns();
      }
      printf("%.1f\n", answered < 0 ? -1.0 : (answered - sent) / 1000.0);
    }
    return 0;
  }
  long long end = due + amount * 1000000000LL, sent = 0, answered = 0;
  while (now_ns() < end) {
    for (; due <= now_ns(); due += gap) sent += send(fd, &request, sizeof request, 0) == sizeof request;
    for (ssize_t n; (n = recv(fd, &reply, sizeof reply, MSG_DONTWAIT)) > 0;) answered += is_answer(&reply, n, request.arp.arp_tpa);
    usleep(200);
  }
  for (struct pollfd p = {fd, POLLIN, 0}; poll(&p, 1, 500) > 0;)
    for (ssize_t n; (n = recv(fd, &reply, sizeof reply, MSG_DONTWAIT)) > 0;) answered += is_answer(&reply, n, request.arp.arp_tpa);
  printf("%lld %lld\n", sent, answered);
  return 0;
}
