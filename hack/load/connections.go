package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A kept connection that was idle for longer may be just about to be closed by the server, as every client knows.
const maxIdle = 20 * time.Second

// connections asks over kept HTTP/1.1 connections. It is not net/http's client because that one quietly repeats a
// request whose connection breaks before the answer, and such a request counts as lost here.
type connections struct {
	address, host string
	secure        bool
	mutex         sync.Mutex
	idle          []*connection // the last used is the last
}

type connection struct {
	net.Conn
	reader *bufio.Reader
	since  time.Time
}

type answer struct {
	code    int
	version string
}

// newConnections takes an http or https URL without a path, and the Host header or "".
func newConnections(target, host string) (*connections, error) {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Errorf("--url must be like http://10.200.0.2 or https://shop.test:8443, not %q", target)
	}
	if host == "" {
		host = parsed.Host
	}
	port := parsed.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[parsed.Scheme]
	}
	return &connections{address: net.JoinHostPort(parsed.Hostname(), port), host: host, secure: parsed.Scheme == "https"}, nil
}

// get asks for a path once and reads the whole answer.
func (c *connections) get(path string, deadline time.Time) (answer, error) {
	connection := c.take()
	if connection == nil {
		var err error
		if connection, err = c.dial(deadline); err != nil {
			return answer{}, err
		}
	}
	result, keep, err := connection.exchange(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\n\r\n", path, c.host), deadline)
	if err != nil || !keep {
		connection.Close()
	} else {
		c.put(connection)
	}
	return result, err
}

func (c *connection) exchange(request string, deadline time.Time) (result answer, keep bool, err error) {
	if err := c.SetDeadline(deadline); err != nil {
		return answer{}, false, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return answer{}, false, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return answer{}, false, err
	}
	defer response.Body.Close()
	result = answer{code: response.StatusCode, version: response.Header.Get("X-Version")}
	_, err = io.Copy(io.Discard, response.Body)
	return result, !response.Close, err
}

// take returns the kept connection that was used last, or nil. Those that were idle for too long are closed.
func (c *connections) take() *connection {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.idle) == 0 {
		return nil
	}
	last := c.idle[len(c.idle)-1]
	if time.Since(last.since) < maxIdle {
		c.idle = c.idle[:len(c.idle)-1]
		return last
	}
	for _, stale := range c.idle {
		stale.Close()
	}
	c.idle = nil
	return nil
}

func (c *connections) dial(deadline time.Time) (*connection, error) {
	dialer := &net.Dialer{Deadline: deadline}
	open := dialer.Dial
	if c.secure {
		// The certificate of a test's proxy is nobody's.
		settings := &tls.Config{ServerName: c.host, InsecureSkipVerify: true}
		open = (&tls.Dialer{NetDialer: dialer, Config: settings}).Dial
	}
	raw, err := open("tcp", c.address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: raw, reader: bufio.NewReader(raw)}, nil
}

func (c *connections) put(kept *connection) {
	kept.since = time.Now()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.idle = append(c.idle, kept)
}
