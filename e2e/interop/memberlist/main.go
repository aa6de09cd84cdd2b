// A real hashicorp/memberlist member for tests: told what to do by lines of JSON on standard input, it tells what it
// sees by lines of JSON on standard output.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

type command struct {
	Op        string   `json:"op"` // join, leave, owners, ping, tell, shutdown
	Addresses []string `json:"addresses"`
	Name      string   `json:"name"` // whom to ping or tell
	Text      string   `json:"text"`
}

type line struct {
	Event   string   `json:"event"` // ready, join, leave, update, answer, joined, left, owners, pinged, told, log, error
	Name    string   `json:"name,omitempty"`
	Joined  int      `json:"joined,omitempty"`
	Error   string   `json:"error,omitempty"`
	Members []string `json:"members,omitempty"`
	Owners  []string `json:"owners,omitempty"` // of the addresses asked for, in their order
	Text    string   `json:"text,omitempty"`   // what memberlist logged
}

type output struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (o *output) say(l line) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if err := o.encoder.Encode(l); err != nil {
		log.Fatal(err)
	}
}

// Write takes what memberlist logs: suspicions and contradictions are told nowhere else.
func (o *output) Write(text []byte) (int, error) {
	o.say(line{Event: "log", Text: strings.TrimSpace(string(text))})
	return len(text), nil
}

func (o *output) NotifyJoin(n *memberlist.Node)   { o.say(about("join", n)) }
func (o *output) NotifyLeave(n *memberlist.Node)  { o.say(about("leave", n)) }
func (o *output) NotifyUpdate(n *memberlist.Node) { o.say(about("update", n)) }

func about(event string, n *memberlist.Node) line {
	return line{Event: event, Name: n.Name}
}

// pings tells who answered a probe by itself, in time and in a datagram.
type pings struct {
	out     *output
	payload []byte // what its own answers carry; nil for nothing
}

func (p *pings) AckPayload() []byte { return p.payload }

func (p *pings) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	p.out.say(about("answer", n))
}

type settings struct {
	name, bind, label, keys, pace, payload string
	port                                   int
	suspicion                              time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.name, "name", "", "member name")
	flag.StringVar(&s.bind, "bind", "127.0.0.1", "address to bind and advertise")
	flag.IntVar(&s.port, "port", 7946, "port to bind and advertise")
	flag.StringVar(&s.label, "label", "", "label of the cluster")
	flag.StringVar(&s.keys, "keys", "", "keys in hex, comma separated; the first seals")
	flag.StringVar(&s.pace, "pace", "lan", "lan: as it comes, a probe every second; fast: every 100 ms; slow: every ten seconds")
	flag.DurationVar(&s.suspicion, "suspicion", 0, "how long a member is suspected at least; 0: four probes long")
	flag.StringVar(&s.payload, "payload", "", "what its answers to pings carry")
	flag.Parse()

	out := &output{encoder: json.NewEncoder(os.Stdout)}
	list, err := memberlist.Create(configuration(s, out))
	if err != nil {
		log.Fatal(err)
	}
	out.say(line{Event: "ready", Name: s.name})
	obey(os.Stdin, list, out)
	if err := list.Shutdown(); err != nil {
		log.Fatal(err)
	}
}

func configuration(s settings, out *output) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	config.Name = s.name
	config.BindAddr = s.bind
	config.BindPort = s.port
	config.AdvertisePort = s.port
	config.Label = s.label
	config.Events = out
	config.LogOutput = out
	answers := &pings{out: out}
	if s.payload != "" {
		answers.payload = []byte(s.payload)
	}
	config.Ping = answers
	switch s.pace {
	case "lan":
	case "fast":
		config.ProbeInterval = 100 * time.Millisecond
		config.ProbeTimeout = 50 * time.Millisecond
		config.GossipInterval = 20 * time.Millisecond
	case "slow":
		config.ProbeInterval = 10 * time.Second
		config.ProbeTimeout = 10 * time.Second
	default:
		log.Fatalf("unknown pace %q", s.pace)
	}
	if s.suspicion > 0 {
		config.SuspicionMult = int(s.suspicion / config.ProbeInterval)
	}
	var ring [][]byte
	for _, text := range strings.FieldsFunc(s.keys, func(r rune) bool { return r == ',' }) {
		key, err := hex.DecodeString(text)
		if err != nil {
			log.Fatal(err)
		}
		ring = append(ring, key)
	}
	if len(ring) > 0 {
		keyring, err := memberlist.NewKeyring(ring, ring[0])
		if err != nil {
			log.Fatal(err)
		}
		config.Keyring = keyring
	}
	return config
}

func obey(input io.Reader, list *memberlist.Memberlist, out *output) {
	scanner := bufio.NewScanner(input)
	for scanner.Scan() {
		var c command
		if err := json.Unmarshal(scanner.Bytes(), &c); err != nil {
			log.Fatal(err)
		}
		switch c.Op {
		case "join":
			joined, err := list.Join(c.Addresses)
			out.say(line{Event: "joined", Joined: joined, Error: text(err)})
		case "leave":
			out.say(line{Event: "left", Error: text(list.Leave(5 * time.Second))})
		case "owners":
			found := members(list)
			out.say(line{Event: "owners", Members: found, Owners: owners(found, c.Addresses)})
		case "ping":
			out.say(line{Event: "pinged", Error: text(ping(list, c.Name))})
		case "tell":
			out.say(line{Event: "told", Error: text(tell(list, c.Name, c.Text))})
		case "shutdown":
			return
		default:
			out.say(line{Event: "error", Error: fmt.Sprintf("unknown op %q", c.Op)})
		}
	}
}

// members names all that are not dead and did not leave: who is suspected it does not say.
func members(list *memberlist.Memberlist) []string {
	found := []string{}
	for _, n := range list.Members() {
		found = append(found, n.Name)
	}
	sort.Strings(found)
	return found
}

func find(list *memberlist.Memberlist, name string) (*memberlist.Node, error) {
	for _, n := range list.Members() {
		if n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no member %q", name)
}

// ping asks for up to a minute until it is answered: a datagram may get lost.
func ping(list *memberlist.Memberlist, name string) error {
	n, err := find(list, name)
	if err != nil {
		return err
	}
	for due := time.Now().Add(time.Minute); ; {
		_, err := list.Ping(name, &net.UDPAddr{IP: n.Addr, Port: int(n.Port)})
		if err == nil || time.Now().After(due) {
			return err
		}
	}
}

// tell sends an application's message twice: in a stream, and in a datagram.
func tell(list *memberlist.Memberlist, name, message string) error {
	n, err := find(list, name)
	if err != nil {
		return err
	}
	if err := list.SendReliable(n, []byte("stream: "+message)); err != nil {
		return err
	}
	return list.SendBestEffort(n, []byte("datagram: "+message))
}

// owners elects as MetalLB's speakers do: for each address, the member whose SHA-256 of "name#address" is lowest.
func owners(candidates []string, addresses []string) []string {
	elected := []string{}
	for _, address := range addresses {
		var owner string
		var lowest [sha256.Size]byte
		for _, candidate := range candidates {
			hash := sha256.Sum256([]byte(candidate + "#" + address))
			if owner == "" || bytes.Compare(hash[:], lowest[:]) < 0 {
				owner, lowest = candidate, hash
			}
		}
		elected = append(elected, owner)
	}
	return elected
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
