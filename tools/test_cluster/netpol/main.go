// Enforces NetworkPolicies on the one node of the test cluster: kube-router's firewall controller and nothing else of it.
package main

import (
	"flag"
	"log"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/pkg/options"
	networking "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	settings := options.NewKubeRouterConfig()
	flag.StringVar(&settings.Kubeconfig, "kubeconfig", "", "credentials of this agent")
	flag.StringVar(&settings.HostnameOverride, "hostname-override", "", "name of the node")
	flag.StringVar(&settings.ClusterIPCIDR, "service-cluster-ip-range", "", "addresses of services")
	flag.Parse()
	connection, err := clientcmd.BuildConfigFromFlags("", settings.Kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(connection)
	if err != nil {
		log.Fatal(err)
	}
	enforce(client, settings)
}

func enforce(client kubernetes.Interface, settings *options.KubeRouterConfig) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	if err := policies.SetTransform(onlyIPv4); err != nil {
		log.Fatal(err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	controller := newController(client, settings, pods, policies, namespaces)
	pods.AddEventHandler(controller.PodEventHandler)
	namespaces.AddEventHandler(controller.NamespaceEventHandler)
	policies.AddEventHandler(controller.NetworkPolicyEventHandler)
	beats := make(chan *healthcheck.ControllerHeartbeat, 10)
	go func() { // nobody watches them here, and a full channel would stop the controller
		for range beats {
		}
	}()
	var done sync.WaitGroup
	done.Add(1)
	controller.Run(beats, stop, &done)
}

// This version of kube-router puts every block of addresses into sets for IPv4, and one of IPv6 makes it give up all
// policies. The cluster has no IPv6, so blocks of it are left out here, and rules that name nothing else with them.
func onlyIPv4(object any) (any, error) {
	policy, ok := object.(*networking.NetworkPolicy)
	if !ok {
		return object, nil
	}
	policy.Spec.Ingress = slices.DeleteFunc(policy.Spec.Ingress, func(rule networking.NetworkPolicyIngressRule) bool {
		return len(rule.From) > 0 && !slices.ContainsFunc(rule.From, isNotIPv6)
	})
	policy.Spec.Egress = slices.DeleteFunc(policy.Spec.Egress, func(rule networking.NetworkPolicyEgressRule) bool {
		return len(rule.To) > 0 && !slices.ContainsFunc(rule.To, isNotIPv6)
	})
	for i := range policy.Spec.Ingress {
		policy.Spec.Ingress[i].From = slices.DeleteFunc(policy.Spec.Ingress[i].From, isIPv6)
	}
	for i := range policy.Spec.Egress {
		policy.Spec.Egress[i].To = slices.DeleteFunc(policy.Spec.Egress[i].To, isIPv6)
	}
	return policy, nil
}

func isIPv6(peer networking.NetworkPolicyPeer) bool {
	return peer.IPBlock != nil && strings.Contains(peer.IPBlock.CIDR, ":")
}

func isNotIPv6(peer networking.NetworkPolicyPeer) bool { return !isIPv6(peer) }

// The controller refuses to start before the kubelet has registered the node.
func newController(client kubernetes.Interface, settings *options.KubeRouterConfig, pods, policies, namespaces cache.SharedIndexInformer) *netpol.NetworkPolicyController {
	var lock sync.Mutex
	for attempt := 0; ; attempt++ {
		controller, err := netpol.NewNetworkPolicyController(client, settings, pods, policies, namespaces, &lock)
		if err == nil {
			return controller
		}
		if attempt == 600 {
			log.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
