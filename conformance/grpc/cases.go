package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// dialer connects to the proxy under a name.
type dialer func(authority string) *grpc.ClientConn

type runner func(ctx context.Context, dial dialer) error

var cases = map[string]runner{
	"cancel_after_begin":          library(interop.DoCancelAfterBegin),
	"cancel_after_first_response": library(interop.DoCancelAfterFirstResponse),
	"client_streaming":            library(interop.DoClientStreaming),
	"custom_metadata":             library(interop.DoCustomMetadata),
	"empty_stream":                library(interop.DoEmptyStream),
	"empty_unary":                 library(interop.DoEmptyUnaryCall),
	"large_unary":                 library(interop.DoLargeUnaryCall),
	"ping_pong":                   library(interop.DoPingPong),
	"server_streaming":            library(interop.DoServerStreaming),
	"special_status_message":      library(interop.DoSpecialStatusMessage),
	"status_code_and_message":     library(interop.DoStatusCodeAndMessage),
	"timeout_on_sleeping_server":  library(interop.DoTimeoutOnSleepingServer),
	"unimplemented_method": func(ctx context.Context, dial dialer) error {
		interop.DoUnimplementedMethod(ctx, dial("judge.test"))
		return nil
	},
	"unimplemented_service": func(ctx context.Context, dial dialer) error {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(dial("judge.test")))
		return nil
	},

	"broken_backend":         answered("broken.test", codes.Unavailable),
	"cancel_reaches_backend": cancelReachesBackend,
	"dead_backend":           answered("dead.test", codes.Unavailable),
	"deadline_in_stream":     deadlineInStream,
	"huge_message":           hugeMessage,
	"no_endpoints":           answered("empty.test", codes.Unavailable),
	"no_route":               answered("nowhere.test", codes.Unimplemented),
	"parallel_streams":       parallelStreams,
}

// library is a case of the interop library, which ends the process by itself when it fails.
func library(run func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) runner {
	return func(ctx context.Context, dial dialer) error {
		run(ctx, testgrpc.NewTestServiceClient(dial("judge.test")))
		return nil
	}
}

// answered wants the proxy's own answer to be a gRPC status, for unary calls and for streams.
func answered(authority string, want codes.Code) runner {
	return func(ctx context.Context, dial dialer) error {
		client := testgrpc.NewTestServiceClient(dial(authority))
		if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != want {
			return fmt.Errorf("unary call: got %v, want %v", err, want)
		}
		stream, err := client.FullDuplexCall(ctx)
		if err != nil {
			return err
		}
		if _, err := stream.Recv(); status.Code(err) != want {
			return fmt.Errorf("stream: got %v, want %v", err, want)
		}
		return nil
	}
}

// deadlineInStream lets a deadline pass in the middle of a stream that the backend would keep open for minutes.
func deadlineInStream(ctx context.Context, dial dialer) error {
	client := testgrpc.NewTestServiceClient(dial("judge.test"))
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	pause := int32(10 * time.Minute / time.Microsecond)
	stream, err := client.StreamingOutputCall(short, &testgrpc.StreamingOutputCallRequest{
		ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}, {Size: 10, IntervalUs: pause}},
	})
	if err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return fmt.Errorf("first message: %v", err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("got %v, want DeadlineExceeded", err)
	}
	return nil
}

// cancelReachesBackend gives up a stream that waits for the client, and looks for it in the origin.
func cancelReachesBackend(ctx context.Context, dial dialer) error {
	client := testgrpc.NewTestServiceClient(dial("judge.test"))
	before, err := streamsRunning(ctx, client)
	if err != nil {
		return err
	}
	short, cancel := context.WithCancel(ctx)
	stream, err := client.FullDuplexCall(short)
	if err != nil {
		cancel()
		return err
	}
	request := &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}}}
	if err := stream.Send(request); err != nil {
		cancel()
		return err
	}
	if _, err := stream.Recv(); err != nil {
		cancel()
		return fmt.Errorf("first message: %v", err)
	}
	during, err := streamsRunning(ctx, client)
	cancel()
	if err != nil {
		return err
	}
	if during != before+1 {
		return fmt.Errorf("%d streams run in the origin beside %d, want one more", during, before)
	}
	for {
		after, err := streamsRunning(ctx, client)
		if err != nil {
			return fmt.Errorf("the cancelled stream still runs in the origin: %v", err)
		}
		if after == before {
			return nil
		}
	}
}

func streamsRunning(ctx context.Context, client testgrpc.TestServiceClient) (int, error) {
	var header metadata.MD
	if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}, grpc.Header(&header)); err != nil {
		return 0, err
	}
	var running int
	values := header.Get(runningStreams)
	if len(values) != 1 {
		return 0, fmt.Errorf("header %s of the origin: got %q", runningStreams, values)
	}
	_, err := fmt.Sscan(values[0], &running)
	return running, err
}

// hugeMessage sends and asks for 32 MiB: far beyond every window and buffer on the way.
func hugeMessage(ctx context.Context, dial dialer) error {
	const size = 32 << 20
	client := testgrpc.NewTestServiceClient(dial("judge.test"))
	reply, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{
		ResponseSize: size,
		Payload:      &testgrpc.Payload{Body: make([]byte, size)},
	})
	if err != nil {
		return err
	}
	if got := len(reply.GetPayload().GetBody()); got != size {
		return fmt.Errorf("got %d bytes, want %d", got, size)
	}
	return nil
}

// parallelStreams holds 64 streams open on one connection at once, each half way, before any of them ends.
func parallelStreams(ctx context.Context, dial dialer) error {
	const count = 64
	client := testgrpc.NewTestServiceClient(dial("judge.test"))
	var halfway, done sync.WaitGroup
	halfway.Add(count)
	failures := make(chan error, count)
	for i := range count {
		done.Go(func() {
			failures <- exchange(ctx, client, int32(i*100), &halfway)
		})
	}
	done.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

// exchange asks for two messages of a size and waits between them until everyone is halfway.
func exchange(ctx context.Context, client testgrpc.TestServiceClient, size int32, halfway *sync.WaitGroup) error {
	arrive := sync.OnceFunc(halfway.Done)
	defer arrive()
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	request := &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: size}}}
	for range 2 {
		if err := stream.Send(request); err != nil {
			return err
		}
		reply, err := stream.Recv()
		if err != nil {
			return err
		}
		if got := len(reply.GetPayload().GetBody()); got != int(size) {
			return fmt.Errorf("got %d bytes, want %d", got, size)
		}
		arrive()
		halfway.Wait()
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != io.EOF {
		return fmt.Errorf("end of stream: %v", err)
	}
	return nil
}
