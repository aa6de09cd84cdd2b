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
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

type command struct {
	Op        string   `json:"op"` // join, leave, members, owners, tell, shutdown
	Addresses []string `json:"addresses"`
	Name      string   `json:"name"` // whom to tell
	Text      string   `json:"text"`
}

type member struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	State   string `json:"state"`
}

type line struct {
	Event   string   `json:"event"` // ready, join, leave, update, joined, left, members, owners, told, log, error
	Name    string   `json:"name,omitempty"`
	Address string   `json:"address,omitempty"`
	Joined  int      `json:"joined,omitempty"`
	Error   string   `json:"error,omitempty"`
	Members []member `json:"members,omitempty"`
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
	return line{Event: event, Name: n.Name, Address: n.Address()}
}

func main() {
	name := flag.String("name", "", "member name")
	bind := flag.String("bind", "127.0.0.1", "address to bind and advertise")
	port := flag.Int("port", 7946, "port to bind and advertise")
	label := flag.String("label", "", "label of the cluster")
	keys := flag.String("keys", "", "keys in hex, comma separated; the first seals")
	fast := flag.Bool("fast", false, "probe every 100 ms instead of every second")
	flag.Parse()

	out := &output{encoder: json.NewEncoder(os.Stdout)}
	list, err := memberlist.Create(configuration(*name, *bind, *port, *label, *keys, *fast, out))
	if err != nil {
		log.Fatal(err)
	}
	out.say(line{Event: "ready", Name: *name})
	obey(os.Stdin, list, out)
	if err := list.Shutdown(); err != nil {
		log.Fatal(err)
	}
}

func configuration(name, bind string, port int, label, keys string, fast bool, out *output) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	config.Name = name
	config.BindAddr = bind
	config.BindPort = port
	config.AdvertisePort = port
	config.Label = label
	config.Events = out
	config.LogOutput = out
	if fast {
		config.ProbeInterval = 100 * time.Millisecond
		config.ProbeTimeout = 50 * time.Millisecond
		config.GossipInterval = 20 * time.Millisecond
	}
	var ring [][]byte
	for _, text := range strings.FieldsFunc(keys, func(r rune) bool { return r == ',' }) {
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
		case "members":
			out.say(line{Event: "members", Members: members(list)})
		case "owners":
			found := members(list)
			out.say(line{Event: "owners", Members: found, Owners: owners(found, c.Addresses)})
		case "tell":
			out.say(line{Event: "told", Error: text(tell(list, c.Name, c.Text))})
		case "shutdown":
			return
		default:
			out.say(line{Event: "error", Error: fmt.Sprintf("unknown op %q", c.Op)})
		}
	}
}

func members(list *memberlist.Memberlist) []member {
	found := []member{}
	for _, n := range list.Members() {
		found = append(found, member{Name: n.Name, Address: n.Address(), State: state(n.State)})
	}
	sort.Slice(found, func(a, b int) bool { return found[a].Name < found[b].Name })
	return found
}

// tell sends an application's message twice: in a stream, and in a datagram.
func tell(list *memberlist.Memberlist, name, message string) error {
	for _, n := range list.Members() {
		if n.Name != name {
			continue
		}
		if err := list.SendReliable(n, []byte("stream: "+message)); err != nil {
			return err
		}
		return list.SendBestEffort(n, []byte("datagram: "+message))
	}
	return fmt.Errorf("no member %q", name)
}

// owners elects as MetalLB's speakers do: for each address, the member whose SHA-256 of "name#address" is lowest.
func owners(candidates []member, addresses []string) []string {
	elected := []string{}
	for _, address := range addresses {
		var owner string
		var lowest [sha256.Size]byte
		for _, candidate := range candidates {
			hash := sha256.Sum256([]byte(candidate.Name + "#" + address))
			if owner == "" || bytes.Compare(hash[:], lowest[:]) < 0 {
				owner, lowest = candidate.Name, hash
			}
		}
		elected = append(elected, owner)
	}
	return elected
}

func state(s memberlist.NodeStateType) string {
	switch s {
	case memberlist.StateAlive:
		return "alive"
	case memberlist.StateSuspect:
		return "suspect"
	case memberlist.StateDead:
		return "dead"
	case memberlist.StateLeft:
		return "left"
	}
	return "unknown"
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
