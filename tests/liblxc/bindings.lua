-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The distribution's Lua binding on our liblxc.so.1. TAP.
local lxc = require("lxc")

local count, failed = 0, 0
local function check(what, good)
	count = count + 1
	if not good then failed = failed + 1 end
	print((good and "ok " or "not ok ") .. count .. " - lua: " .. what)
	io.stdout:flush()
end

local path = arg[1]
local c = lxc.container:new("lua", path)
check("a new object", c and not c:defined() and c:state() == "STOPPED" and not c:running() and c:name() == "lua")
check("version and default path", lxc.version_get() ~= nil and lxc.default_config_path_get() ~= nil)
check("create", c:create("busybox") and c:defined())
check("config set", c:set_config_item("lxc.uts.name", "luahost") and c:set_config_item("lxc.net.0.type", "empty"))
check("config get", c:get_config_item("lxc.uts.name") == "luahost")
check("keys", c:get_keys("lxc.uts").name == "luahost")
check("save and load", c:save_config() and c:load_config() and c:get_config_path() == path)
check("start", c:start() and c:wait("RUNNING", 30) and c:running() and c:init_pid() > 1)
check("interfaces", (table.concat({ c:get_interfaces() }, " ")):find("lo", 1, true) ~= nil)
check("control group", c:set_cgroup_item("devices.allow", "c 1:11 r"))
check("freeze", c:freeze() and c:state() == "FROZEN" and c:unfreeze() and c:state() == "RUNNING")
check("stop", c:stop() and c:wait("STOPPED", 30) and c:state() == "STOPPED")
check("destroy", c:destroy() and not c:defined())
print("1.." .. count)
os.exit(failed == 0)
