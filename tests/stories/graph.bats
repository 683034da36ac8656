# davit graph: who depends on whom.
load ../lib

shop() {
	compose <<-END
	name: shop
	services:
	  web: {image: a, depends_on: {api: {condition: service_healthy}, cache: {condition: service_started, required: false}}, scale: 3}
	  api: {image: a, depends_on: {db: {condition: service_healthy, restart: true}, migrate: {condition: service_completed_successfully}}}
	  migrate: {image: a, depends_on: {db: {condition: service_healthy}}, volumes: ["data:/d"]}
	  db: {image: a, volumes: ["data:/d"], networks: [back]}
	  cache: {image: a}
	  worker: {image: a, depends_on: [db, api], profiles: [jobs]}
	networks: {back: }
	volumes: {data: }
	END
}

@test "the tree: conditions, profiles, replicas; each branch once" {
	shop
	unset COMPOSE_PROJECT_NAME
	is "$(davit graph)" "web [×3]
├── api (healthy)
│   ├── db (healthy, restart)
│   └── migrate (completed)
│       └── db (healthy)
└── cache (optional)"
	is "$(davit --profile jobs graph | tail -n 3)" "worker [profile jobs]
├── api ↑
└── db"
	is "$(davit graph worker | head -n 1)" "worker [profile jobs]"
	is "$(davit graph --no-deps api db)" "api
└── db (healthy, restart)"
	is "$(davit graph --networks --volumes db)" "db
├── network back
└── volume data"
	has "$(davit --ansi always graph)" $'\e[1mweb\e[0m'
	run -1 davit graph wbe
	has "$output" "did you mean 'web'?"
	run -1 davit graph --format svgg
	has "$output" "did you mean 'svg'?"
}

@test "dot, mermaid, json, svg: complete, and valid for who reads them" {
	shop
	unset COMPOSE_PROJECT_NAME
	is "$(davit graph --format mermaid migrate)" 'flowchart TD
    n0["db"]
    n1["migrate"]
    n1 -->|"healthy"| n0'
	is "$(davit graph --format dot migrate)" 'digraph "shop" {
	n0 [shape=box, label="db"];
	n1 [shape=box, label="migrate"];
	n1 -> n0 [label="healthy"];
}'
	davit graph --format json >graph.json
	is "$(jq -c '.services[] | select(.name == "web") | [.replicas, .depends_on[].service, .depends_on[0].condition, .depends_on[1].required]' graph.json)" \
		'[3,"api","cache","service_healthy",false]'
	is "$(jq -r '.services[] | select(.name == "db") | (.networks + .volumes)[]' graph.json | xargs)" "back data"
	davit graph --format svg --networks --volumes >graph.svg
	python3 - <<-'END'
	import xml.dom.minidom
	root = xml.dom.minidom.parse("graph.svg").documentElement
	assert root.tagName == "svg", root.tagName
	assert len(root.getElementsByTagName("text")) == 8
	assert sum(p.hasAttribute("marker-end") for p in root.getElementsByTagName("path")) == 12
	END
}

@test "a thousand services" {
	{
		echo services:
		echo "  s0: {image: a}"
		for ((i = 1; i < 1000; i++)); do echo "  s$i: {image: a, depends_on: [s$((i / 3)), s$((i - 1))]}"; done
	} | sed 's/\[s0, s0\]/[s0]/' >compose.yaml
	for format in tree dot svg mermaid json; do
		davit graph --format "$format" >"out.$format"
		grep -q s999 "out.$format"
	done
	python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("out.svg")'
}

@test "what a file says is text in every picture" {
	compose <<-'END'
	services:
	  web: {image: a, profiles: ["</text><script>alert(1)</script>", "\"];evil [x=\"", "`#quot;`", "\e[31mred"]}
	END
	for format in tree dot svg mermaid json; do
		davit --profile '*' graph --format "$format" >"out.$format"
		lacks "$(cat "out.$format")" $'\e'
	done
	lacks "$(cat out.svg)" "<script"
	python3 -c 'import xml.dom.minidom; assert len(xml.dom.minidom.parse("out.svg").getElementsByTagName("text")) == 1'
	is "$(wc -l <out.dot)" 3
	is "$(wc -l <out.mermaid)" 2
	is "$(jq -r '.services[0].profiles | length' out.json)" 4
}
