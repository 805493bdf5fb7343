package childproc_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// TestMain is, with an environment variable set, a process that starts a program,
// prints its id and waits to be killed.
func TestMain(m *testing.M) {
	if os.Getenv("CHILDPROC_HOLDER") == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sleep", "60")
	p, err := childproc.Start(cmd, syscall.SIGKILL)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(strconv.Itoa(p.ID()) + "\n")
	select {}
}

func TestProgramsEndWithTheProcess(t *testing.T) {
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "CHILDPROC_HOLDER=1")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid == 0 || syscall.Kill(pid, 0) != nil {
		t.Fatalf("%q, %v", line, err)
	}
	_ = holder.Process.Kill()
	_, _ = io.Copy(io.Discard, out)
	_ = holder.Wait() // it was killed, and says so
	for end := time.Now().Add(20 * time.Second); running(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the program goes on")
		}
	}
}

// running reports whether the process exists and is not a zombie.
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
