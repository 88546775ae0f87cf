-- How Argo CD shows a CanaryRelease. Goes into ConfigMap argocd-cm, key resource.customizations.health.headgate.dev_CanaryRelease.
local function health(status, message)
  return { status = status, message = message }
end

local status = obj.status
if status == nil or status.observedGeneration == nil then
  return health("Progressing", "Headgate has not seen this release yet")
end
if obj.metadata.generation ~= nil and status.observedGeneration < obj.metadata.generation then
  return health("Progressing", "Headgate has not seen the last change of this release yet")
end

local holds = {}
for _, condition in ipairs(status.conditions or {}) do
  holds[condition.type] = condition.status == "True"
end

if holds.Stalled then
  return health("Degraded", status.message)
end
if status.phase == "Paused" then
  return health("Suspended", status.message)
end
if holds.Ready then
  return health("Healthy", status.message)
end
return health("Progressing", status.message)
