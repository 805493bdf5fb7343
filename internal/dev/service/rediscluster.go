package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// RedisCluster is a cluster of three masters of Redis with a replica each. Its methods
// must not be called concurrently.
type RedisCluster struct{ nodes []*Redis }

// clusterPatience bounds every wait for a cluster.
const clusterPatience = 20 * time.Second

// NewRedisCluster starts a cluster whose nodes have folders in the folder. A second
// without a word from a master is enough to replace it.
func NewRedisCluster(folder string) (*RedisCluster, error) {
	c := new(RedisCluster)
	var addrs []string
	for i := range 6 {
		own := filepath.Join(folder, strconv.Itoa(i))
		err := os.Mkdir(own, 0o755)
		if err == nil {
			var r *Redis
			if r, err = newRedis(&Redis{folder: own, clustered: true, args: []string{"--cluster-node-timeout", "1000"}}); err == nil {
				c.nodes, addrs = append(c.nodes, r), append(addrs, r.Addr())
			}
		}
		if err != nil {
			c.Kill()
			return nil, err
		}
	}
	create := append([]string{"--cluster", "create"}, addrs...)
	ctx, end := context.WithTimeout(context.Background(), clusterPatience) // it waits for ever
	defer end()
	out, err := exec.CommandContext(ctx, "redis-cli", append(create, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	} else {
		err = await("a replica of each master", c.complete)
	}
	if err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// Addrs returns the addresses of all nodes, as --redis takes them.
func (c *RedisCluster) Addrs() string {
	var all []string
	for _, r := range c.nodes {
		all = append(all, r.Addr())
	}
	return strings.Join(all, ",")
}

// Kill ends all nodes at once.
func (c *RedisCluster) Kill() {
	for _, r := range c.nodes {
		r.Kill()
	}
}

// Holder returns the master that has keys, if one alone has any.
func (c *RedisCluster) Holder() (*Redis, error) {
	var holder *Redis
	for _, r := range c.nodes {
		if n, err := r.cli("DBSIZE"); err != nil || n == "0" || !r.says("role:master") {
			continue
		}
		if holder != nil {
			return nil, errors.New("two masters of the cluster have keys")
		}
		holder = r
	}
	if holder == nil {
		return nil, errors.New("no master of the cluster has keys")
	}
	return holder, nil
}

// Fail ends the master that has keys, and returns it once its replica is in its place.
func (c *RedisCluster) Fail() (*Redis, error) {
	holder, err := c.Holder()
	if err != nil {
		return nil, err
	}
	holder.Kill()
	return holder, await("a master in place of "+holder.Addr(), func() bool {
		next, err := c.Holder()
		return err == nil && next.clusterIsOK()
	})
}

// Rejoin starts a node again that Fail has ended, and returns once it is a replica.
func (c *RedisCluster) Rejoin(r *Redis) error {
	if err := r.Up(); err != nil {
		return err
	}
	return await(r.Addr()+" as a replica", c.complete)
}

// Move begins to move the slot of a key to another master, so that new keys are made
// there. finish moves the others.
func (c *RedisCluster) Move(key string) (finish func() error, _ error) {
	from, err := c.Holder()
	if err != nil {
		return nil, err
	}
	var to *Redis
	for _, r := range c.nodes {
		if r != from && r.says("role:master") {
			to = r
		}
	}
	slot, err1 := from.cli("CLUSTER", "KEYSLOT", key)
	fromID, err2 := from.cli("CLUSTER", "MYID")
	toID, err3 := to.cli("CLUSTER", "MYID")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	err = errors.Join(to.ok("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID), from.ok("CLUSTER", "SETSLOT", slot, "MIGRATING", toID))
	return func() error {
		keys, err := from.cli("CLUSTER", "GETKEYSINSLOT", slot, "10000")
		if err == nil && keys != "" {
			host, port, _ := net.SplitHostPort(to.Addr())
			err = from.ok(append([]string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}, strings.Fields(keys)...)...)
		}
		return errors.Join(err, to.ok("CLUSTER", "SETSLOT", slot, "NODE", toID), from.ok("CLUSTER", "SETSLOT", slot, "NODE", toID))
	}, err
}

// ok runs a command that answers OK.
func (r *Redis) ok(args ...string) error {
	answer, err := r.cli(args...)
	if err == nil && answer != "OK" {
		err = fmt.Errorf("%s: %s", strings.Join(args, " "), answer)
	}
	return err
}

// complete reports whether each master has a replica that follows it.
func (c *RedisCluster) complete() bool {
	replicas := 0
	for _, r := range c.nodes {
		if !r.clusterIsOK() {
			return false
		}
		if r.says("role:slave") && r.says("master_link_status:up") {
			replicas++
		}
	}
	return replicas == len(c.nodes)/2
}

func (r *Redis) clusterIsOK() bool {
	info, err := r.cli("CLUSTER", "INFO")
	return err == nil && strings.Contains(info, "cluster_state:ok")
}

// says reports whether the server says so of its replication.
func (r *Redis) says(line string) bool {
	info, err := r.cli("INFO", "replication")
	return err == nil && strings.Contains(info, line)
}

// cli runs a command of the server by redis-cli, which Debian installs with it.
func (r *Redis) cli(args ...string) (string, error) {
	host, port, _ := net.SplitHostPort(r.addr)
	out, err := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// await polls until the condition holds.
func await(what string, holds func() bool) error {
	for end := time.Now().Add(clusterPatience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %s", clusterPatience, what)
		}
	}
	return nil
}
